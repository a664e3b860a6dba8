/* What the shop has written to this member. */

import { h } from '../dom.js'
import { moment, t } from '../i18n.js'
import { live } from '../live.js'
import { offers } from '../parts/offers.js'
import { empty, link } from '../ui.js'

export default function messages(params, signal) {
  const forMe = h('div')
  const place = h('div')
  live('/api/campaigns/v1/me/offers', forMe, offers, { signal, quiet: true })
  live('/api/campaigns/v1/me/messages', place, rows, { signal })
  return { title: t('Messages'), body: [forMe, place] }
}

function rows({ results }) {
  if (!results.length) return empty('mail', t('No messages yet'), t('What the shop sends you is kept here. What you get is up to you.'), link(t('Choose what you get'), '/app/preferences', { name: 'settings' }))
  return h('ul.list.is-letters', ...results.map((message) => h('li', letter(message))))
}

function letter(message) {
  return h(
    'article.letter',
    h('h2', message.title || message.subject || t('Message')),
    h('p.small', moment(message.sent_at)),
    h('p.letter-text', message.text || message.body),
    message.url && link(message.button || t('Open'), message.url, { kind: 'small' }),
  )
}
