/* The ledger: every point that came or went, and why. */

import { h } from '../dom.js'
import { moment, n, signed, t } from '../i18n.js'
import { icon } from '../icons.js'
import { live, pageOf } from '../live.js'
import { busy, button, chip, empty, link, list } from '../ui.js'

export default function activity(params, signal) {
  const balance = h('p.lead')
  const place = h('div')
  live('me', balance, (me) => n('You have {count} point.', 'You have {count} points.', me.points.balance), { signal, quiet: true })
  live('me/points', place, entries, { signal })
  return { title: t('Activity'), body: [balance, place] }
}

function entries(first) {
  if (!first.results.length) return empty('history', t('No points yet'), t('Show your card when you pay, and the points are here a second later.'), link(t('Show card'), '/app/card', { name: 'qrcode' }))
  const rows = list(first.results.map(row), t('Points'))
  return [rows, first.next && moreButton(rows, first.next)]
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
  // What waits shows as what it will be, and once more when it has come through.
  const waits = entry.points === 0 && entry.pending > 0
  const change = waits ? entry.pending : entry.points
  const [name, words] = reasons()[entry.reason] || ['history', t('Points')]
  return h(
    'div.row-flat',
    h('span.row-icon', icon(name)),
    h('span.row-text', h('strong', entry.text || words), h('span.small', [entry.text && words, moment(entry.at)].filter(Boolean).join(' · ')), waits && h('span', chip(t('On its way')))),
    h(`span.row-points${change > 0 ? '' : '.is-minus'}`, signed(change)),
  )
}

const reasons = () => ({
  PURCHASE: ['check', t('Purchase')],
  RETURN: ['arrow-down-left', t('Return')],
  EVENT: ['star', t('Bonus')],
  SCAN: ['scan', t('Scan')],
  REFERRAL: ['users', t('Friend')],
  BIRTHDAY: ['star', t('Birthday')],
  SEGMENT: ['star', t('Bonus')],
  RELEASED: ['hourglass', t('Ready to use')],
  HOLD: ['gift', t('Reward')],
  HOLD_BACK: ['arrow-down-left', t('Given back')],
  EXPIRY: ['clock', t('Run out')],
  MERGE: ['users', t('Accounts joined')],
  CORRECTION: ['check', t('Correction')],
})
