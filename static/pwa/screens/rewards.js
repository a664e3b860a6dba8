/* The catalogue: what there is for points, and what one can have now. */

import { h } from '../dom.js'
import { n, t } from '../i18n.js'
import { live } from '../live.js'
import { heldRow, rewardTile } from '../parts/rewards.js'
import { empty, link, part, skeleton } from '../ui.js'

export default function rewards(params, signal) {
  const balance = h('p.lead')
  const held = h('div')
  const catalogue = h('div')
  live('me', balance, (me) => n('You have {count} point.', 'You have {count} points.', me.points.balance), { signal, quiet: true })
  live('me/redemptions', held, holds, { signal, quiet: true })
  live('me/rewards', catalogue, tiles, { signal, bones: skeleton('tile', 6) })
  return { title: t('Rewards'), body: [balance, held, catalogue], wide: true }
}

function holds({ results }) {
  const open = results.filter(({ status }) => status === 'held')
  return open.length > 0 && part(t('Held for you'), {}, h('ul.list', ...open.map((redemption) => h('li', heldRow(redemption)))))
}

function tiles({ results }) {
  if (!results.length) return empty('gift', t('No rewards yet'), t('Points are kept. As soon as there is something for them, it is here.'), link(t('Show card'), '/app/card', { name: 'qrcode' }))
  return h('ul.tiles', ...results.map((reward) => h('li', rewardTile(reward))))
}
