/* How it works: what earns points, and what each tier gives. */

import { h } from '../dom.js'
import { money, n, t } from '../i18n.js'
import { icon } from '../icons.js'
import { live } from '../live.js'
import { empty, list, part } from '../ui.js'

export default function programme(params, signal) {
  const place = h('div')
  live('programme', place, draw, { signal })
  return { title: t('How it works'), body: place }
}

function draw({ earn, tiers, tier_basis: basis }) {
  if (!earn.length && !tiers.length) return empty('award', t('Nothing is planned yet'), t('As soon as the shop gives points, it says here for what.'))
  return [earn.length > 0 && part(t('How you earn points'), {}, list(earn.map(way))), tiers.length > 0 && part(t('Tiers'), {}, list(tiers.map((tier) => rung(tier, basis))))]
}

const way = ({ name, words, conditions }) =>
  h('div.row-flat', h('span.row-icon.is-accent', icon('star')), h('span.row-text', h('strong', words), h('span.small', name), conditions && h('span.small', conditions)))

function rung(tier, basis) {
  const mark = h('span.row-icon.is-tier', icon('award'))
  mark.style.setProperty('--tier', tier.colour)
  return h('div.row-flat', mark, h('span.row-text', h('strong', tier.name), h('span.small', reachedBy(tier.threshold, basis)), ...tier.perks.map((perk) => h('span', perk))))
}

function reachedBy(threshold, basis) {
  if (!Number(threshold)) return t('From the start')
  const amount = { points: () => n('{count} point', '{count} points', threshold), visits: () => n('{count} visit', '{count} visits', threshold) }[basis]
  return t('From {amount} on', { amount: amount ? amount() : money(threshold) })
}
