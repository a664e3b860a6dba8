/* The ledger: every point that came or went, and why. */

import { h } from '../dom.js'
import { moment, n, signed, t } from '../i18n.js'
import { icon } from '../icons.js'
import { live, pageOf } from '../live.js'
import { busy, button, chip, empty, link, list } from '../ui.js'

export default function activity(params, signal) {
  const balance = h('p.lead')
  const place = h('div')
  live('me', balance, (me) => n('You have {count} point.', 'You have {count} points.', me.points.balance), { signal, bones: null })
  live('me/points', place, entries, { signal })
  return { title: t('Activity'), body: [balance, place] }
}

function entries(first) {
  if (!first.results.length) return empty('history', t('No points yet'), t('Show your card when you pay, and the points are here a second later.'), link(t('Show card'), '/app/card', { name: 'qrcode' }))
  const rows = list(first.results.map(row), t('Points'))
  const whole = h('div', rows)
  if (first.next) whole.append(moreButton(rows, first.next))
  return whole
}

function moreButton(rows, first) {
  let next = first
  const more = button(t('Show older ones'), () => busy(more, async () => {
    const page = await pageOf('me/points', next)
    rows.append(...page.results.map((entry) => h('li', row(entry))))
    next = page.next
    if (!next) more.remove()
  }), { wide: true })
  return more
}

function row(entry) {
  const isMinus = entry.points < 0
  return h(
    'div.row-flat',
    h('span.row-icon', icon(reasonIcon(entry.reason))),
    h('span.row-text', h('strong', entry.text || reasonWords(entry.reason)), h('span.small', moment(entry.at), entry.pending ? [' · ', chip(t('On its way'))] : null)),
    h(`span.row-points${isMinus ? '.is-minus' : ''}`, signed(entry.points)),
  )
}

const reasonIcon = (reason) => ({ order: 'check', scan: 'scan', referral: 'users', redemption: 'gift', birthday: 'star', expiry: 'clock' })[reason] || 'history'

function reasonWords(reason) {
  return { order: t('Purchase'), scan: t('Scan'), referral: t('Friend'), redemption: t('Reward'), birthday: t('Birthday'), expiry: t('Run out'), correction: t('Correction') }[reason] || t('Points')
}
