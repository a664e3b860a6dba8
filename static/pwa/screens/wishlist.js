/* Products the member wants to hear of: back in stock, or cheaper. */

import { ask, post } from '../api.js'
import { h, show } from '../dom.js'
import { money, n, t } from '../i18n.js'
import { icon } from '../icons.js'
import { announce } from '../layout.js'
import { changed, fresh, lastAnswer, live } from '../live.js'
import { busy, chip, empty, field, input, list, part, skeleton, wordsOf } from '../ui.js'

const PAUSE = 250

export default function wishlist(params, signal) {
  const wished = h('div')
  const found = h('div')
  const wishes = new Set()
  live('me/wishlist', wished, ({ results }) => drawWishes(results, wishes, signal), { signal })
  return { title: t('Wishlist'), body: [search(found, wishes, signal), found, wished] }
}

function search(found, wishes, signal) {
  const words = input({ type: 'search', autocomplete: 'off', enterkeyhint: 'search' })
  let timer
  let asked = new AbortController()
  const look = async () => {
    asked.abort()
    asked = new AbortController()
    const q = words.value.trim()
    if (q.length < 2) return show(found)
    show(found, skeleton('lines', 2))
    try {
      const { results: products } = await ask(`products?q=${encodeURIComponent(q)}`, { signal: asked.signal })
      if (!signal.aborted) show(found, hits(products, wishes))
    } catch (error) {
      if (error.name !== 'AbortError') show(found, h('p.notice', { role: 'alert' }, icon('alert-triangle'), h('span', wordsOf(error))))
    }
    return undefined
  }
  words.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(look, PAUSE)
  })
  signal.addEventListener('abort', () => clearTimeout(timer))
  return h('form', { role: 'search', onsubmit: (event) => event.preventDefault() }, field(t('Find a product'), words, { help: t('We tell you when it is back in stock or costs less.') }))
}

function hits(products, wishes) {
  announce(products.length ? t('Products found') : t('Nothing found'))
  if (!products.length) return h('p.notice', icon('search'), h('span', t('Nothing is called that here. Try fewer letters.')))
  return part(t('Products'), {}, list(products.map((product) => row(product, wishes.has(product.sku)))))
}

function drawWishes(rows, wishes, signal) {
  wishes.clear()
  const products = rows.map(({ product }) => product)
  products.forEach(({ sku }) => wishes.add(sku))
  if (!products.length) return empty('heart', t('No wishes yet'), t('Look for a product above and tap its heart.'))
  return part(t('Your wishes'), {}, list(products.map((product) => row(product, true))), worth(products, signal))
}

/** What buying the wishes would bring, by the rules in force: a dry run, of which nothing is written. */
function worth(products, signal) {
  const place = h('div', { role: 'status' })
  const lines = products.filter(({ price }) => Number(price) > 0).map(({ sku, price }) => ({ sku, quantity: '1', amount: price }))
  const tell = async () => {
    const basket = await post('me/basket', { lines }, { signal })
    if (basket.points > 0) show(place, brought(basket, await bestReached(basket, signal)))
  }
  if (lines.length) tell().catch(() => {}) // A hint: where there is no answer there is none.
  return place
}

function brought({ points, balance_after: after }, reward) {
  const brings = n('What you wish for would bring you about {count} point.', 'What you wish for would bring you about {count} points.', points)
  const reaches = reward
    ? h('a', { href: `/app/rewards/${reward.id}` }, t('Enough for {reward}', { reward: reward.name }))
    : n('You would have {count} point.', 'You would have {count} points.', after)
  return h('p.notice', icon('award'), h('span', brings, ' ', reaches))
}

/** The dearest reward that could be had with these points, and not without. The names are those kept from the catalogue. */
async function bestReached({ points, balance_after: after, could_hold: possible }, signal) {
  const kept = await lastAnswer('me/rewards')
  const { results } = kept?.body || (await fresh('me/rewards', { signal }))
  const reached = results.filter(({ id, cost }) => possible.includes(id) && cost > after - points)
  return reached.sort((one, other) => other.cost - one.cost)[0]
}

function row(product, isWished) {
  const heart = h('button.icon-button.heart', { type: 'button', 'aria-pressed': String(isWished), 'aria-label': t('{product} on my wishlist', { product: product.name }) }, icon(isWished ? 'heart-filled' : 'heart', { filled: isWished }))
  heart.addEventListener('click', () => busy(heart, () => turn(heart, product)))
  const detail = [product.brand, product.size].filter(Boolean).join(' · ')
  return h(
    'div.row-flat',
    product.picture ? h('img.row-picture', { src: product.picture, alt: '', loading: 'lazy' }) : h('span.row-icon', icon('tag')),
    h('span.row-text', h('strong', product.name), h('span.small', detail, detail && product.price && ' · ', product.price && money(product.price), product.is_in_stock === false && [' ', chip(t('Out of stock'))])),
    heart,
  )
}

async function turn(heart, product) {
  const isWished = heart.getAttribute('aria-pressed') !== 'true'
  await ask(`me/wishlist/${encodeURIComponent(product.sku)}`, { method: isWished ? 'PUT' : 'DELETE', body: isWished ? {} : undefined })
  heart.setAttribute('aria-pressed', String(isWished))
  show(heart, icon(isWished ? 'heart-filled' : 'heart', { filled: isWished }))
  changed()
}
