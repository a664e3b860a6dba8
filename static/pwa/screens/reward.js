/* One reward: what it is, what it costs, and holding it. */

import { post } from '../api.js'
import { h } from '../dom.js'
import { n, t } from '../i18n.js'
import { icon } from '../icons.js'
import { changed, freshOrLast, live } from '../live.js'
import { go } from '../router.js'
import { rewardPicture } from '../parts/rewards.js'
import { busy, button, chip, confirm, empty, link } from '../ui.js'

export default async function reward({ id }, signal) {
  const { results } = await freshOrLast('me/rewards', { signal })
  const found = results.find((one) => one.id === id)
  if (!found) return { title: t('Reward'), back: '/app/rewards', body: empty('gift', t('This reward is no longer offered'), null, link(t('All rewards'), '/app/rewards')) }
  const place = h('div')
  live('me/rewards', place, (body) => details(body.results.find((one) => one.id === id) || found), { signal })
  return { title: found.name, back: '/app/rewards', body: place }
}

function details(found) {
  const hold = button(t('Hold it for me'), () => busy(hold, () => ask(found)), { kind: 'primary', wide: true })
  return h(
    'article.reward',
    rewardPicture(found),
    h('p.reward-cost', n('{count} point', '{count} points', found.cost), found.stock !== null && found.stock !== undefined && chip(n('{count} left', '{count} left', found.stock))),
    found.description && h('p', found.description),
    found.terms && h('p.small', found.terms),
    found.can_hold ? hold : h('p.notice', icon('lock'), h('span', found.why_not)),
  )
}

async function ask(found) {
  const agreed = await confirm({
    title: t('Hold {reward}?', { reward: found.name }),
    text: n('{count} point is set aside for you. Show the code in the shop; if you do not, it comes back by itself.', '{count} points are set aside for you. Show the code in the shop; if you do not, they come back by themselves.', found.cost),
    action: t('Hold it'),
  })
  if (!agreed) return
  const held = await post('me/redemptions', { reward: found.id }, { headers: { 'Idempotency-Key': crypto.randomUUID() } })
  changed()
  await go(`/app/redemptions/${held.id}`)
}
