/* Where the member stands: balance, tier, what is about to happen to points, and what is meant for them. */

import { serverTime } from '../api.js'
import { h } from '../dom.js'
import { lastDay, n, number, shop, shortDay, t } from '../i18n.js'
import { icon } from '../icons.js'
import { installHint } from '../install.js'
import { live } from '../live.js'
import { offers } from '../parts/offers.js'
import { heldRow, rewardTile } from '../parts/rewards.js'
import { link, part, skeleton } from '../ui.js'

const SOON = 30 * 24 * 60 * 60 * 1000

export default function home(params, signal) {
  const standing = h('div')
  const held = h('div')
  const forMe = h('div')
  const reach = h('div')
  live('me', standing, (me) => [hero(me), expiring(me.points.expiring)], { signal, bones: skeleton('hero', 1) })
  live('me/redemptions', held, holds, { signal, quiet: true })
  live('/api/campaigns/v1/me/offers', forMe, offers, { signal, quiet: true })
  live('me/rewards', reach, withinReach, { signal, bones: skeleton('tile', 3) })
  return { title: shop.name, mark: shop.logo, body: [standing, held, installHint(signal), forMe, reach], wide: true }
}

function hero(me) {
  const { balance, pending } = me.points
  return h(
    'section.hero',
    { 'aria-label': t('Where you stand') },
    h('div.hero-top', h('p.hero-hello', me.name ? t('Hello {name}', { name: me.name.split(' ')[0] }) : t('Hello')), me.tier?.name && tierChip(me.tier)),
    h('p.hero-balance', h('strong', number(balance)), ' ', n('point', 'points', balance)),
    pending > 0 && h('p.hero-pending', icon('hourglass'), n('{count} point is on its way', '{count} points are on their way', pending)),
    me.tier && progress(me.tier),
    h('div.hero-actions', link(t('Show card'), '/app/card', { kind: 'on-hero', name: 'qrcode' }), link(t('Scan a code'), '/app/scan', { kind: 'on-hero-quiet', name: 'scan' })),
  )
}

function tierChip(tier) {
  const chip = h('span.tier-chip', icon('award'), tier.name)
  if (tier.colour) chip.style.setProperty('--tier', tier.colour)
  return chip
}

function progress(tier) {
  if (!tier.next && !tier.words) return null
  const bar = tier.next && h('progress', { max: '1', value: String(tier.progress), 'aria-label': t('On the way to {tier}', { tier: tier.next.name }) })
  return h('div.hero-tier', bar, h('p', tier.words))
}

/** What runs out within a month, and not what has a year left. */
function expiring(lots) {
  const first = lots?.find(({ at }) => new Date(at) - serverTime() < SOON)
  if (!first) return null
  return h('p.notice.is-warning', icon('clock'), h('span', n('{count} point runs out on {day}.', '{count} points run out on {day}.', first.points, { day: shortDay(lastDay(first.at)) })), h('a', { href: '/app/rewards' }, t('Use them')))
}

function holds({ results }) {
  const open = results.filter(({ status }) => status === 'held')
  return open.length > 0 && part(t('Held for you'), {}, h('ul.list', ...open.map((redemption) => h('li', heldRow(redemption)))))
}

function withinReach({ results }) {
  const first = [...results].sort((one, other) => Number(other.can_hold) - Number(one.can_hold)).slice(0, 4)
  return first.length > 0 && part(t('Rewards'), { more: '/app/rewards' }, h('ul.tiles', ...first.map((reward) => h('li', rewardTile(reward)))))
}
