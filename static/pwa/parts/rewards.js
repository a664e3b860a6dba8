/* A reward and a held reward, as they stand in lists. */

import { h } from '../dom.js'
import { hour, n, t } from '../i18n.js'
import { icon } from '../icons.js'
import { chip } from '../ui.js'

const KINDS = { item: 'gift', discount: 'tag', service: 'star', merchandise: 'award' }

export function rewardPicture(reward) {
  if (reward.picture) return h('img.reward-picture', { src: reward.picture, alt: '', loading: 'lazy' })
  return h('span.reward-picture.is-drawn', icon(KINDS[reward.kind] || 'gift'))
}

export function rewardTile(reward) {
  return h(
    `a.tile${reward.can_hold ? '' : '.is-out-of-reach'}`,
    { href: `/app/rewards/${reward.id}` },
    rewardPicture(reward),
    h('span.tile-name', reward.name),
    h('span.tile-cost', n('{count} point', '{count} points', reward.cost)),
    reward.can_hold ? chip(t('You can have it'), 'good') : h('span.tile-why', icon('lock'), reward.why_not),
  )
}

export function heldRow(redemption) {
  return h(
    'a.row-link',
    { href: `/app/redemptions/${redemption.id}` },
    h('span.row-icon.is-accent', icon('ticket')),
    h('span.row-text', h('strong', redemption.reward.name), h('span.small', t('Show it in the shop by {hour}', { hour: hour(redemption.expires_at) }))),
    icon('chevron-right'),
  )
}
