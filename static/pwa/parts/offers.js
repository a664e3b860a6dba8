/* Offers meant for this member. */

import { h } from '../dom.js'
import { day, lastDay, t } from '../i18n.js'
import { icon } from '../icons.js'
import { part } from '../ui.js'

export function offers({ results }) {
  return results.length > 0 && part(t('Meant for you'), {}, h('ul.offers', ...results.map((offer) => h('li', one(offer)))))
}

function one(offer) {
  return h(
    'article.offer',
    h('span.offer-icon', icon('ticket')),
    h('div', h('h3', offer.name || offer.title), h('p', offer.wording || offer.text), offer.ends_at && h('p.small', t('Until {day}', { day: day(lastDay(offer.ends_at)) }))),
    offer.url && h('a.button.is-small', { href: offer.url }, t('Show')),
  )
}
