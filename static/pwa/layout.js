/* What stays while screens change: the way around, the state of the connection, and where news is read out. */

import { h, show } from './dom.js'
import { shop, t } from './i18n.js'
import { icon } from './icons.js'
import { isReachable, onReachable } from './live.js'
import { isSignedIn } from './session.js'

// path, icon, label, on the phone's tab bar
const places = () => [
  ['/', 'home', t('Home'), true],
  ['/app/rewards', 'gift', t('Rewards'), true],
  ['/app/card', 'qrcode', t('Card'), true],
  ['/app/scan', 'scan', t('Scan'), true],
  ['/app/activity', 'history', t('Activity'), false],
  ['/app/wishlist', 'heart', t('Wishlist'), false],
  ['/app/friends', 'users', t('Friends'), false],
  ['/app/programme', 'award', t('How it works'), false],
  ['/app/messages', 'mail', t('Messages'), false],
  ['/app/preferences', 'settings', t('Preferences'), false],
]

/** Places that a phone keeps behind “More”. */
export const furtherPlaces = () => places().filter(([, , , isOnBar]) => !isOnBar)

const main = () => document.getElementById('main')

/** Build the frame anew: at the start, and whenever the language or the person changes. */
export function drawFrame() {
  const app = document.getElementById('app')
  app.className = isSignedIn() ? 'frame' : 'frame is-alone'
  show(
    app,
    h('a.skip', { href: '#main' }, t('Skip to content')),
    isSignedIn() && navigation(),
    h('div.page', h('div.offline', { id: 'offline', role: 'status' }), h('main.main', { id: 'main', tabindex: '-1' })),
    h('div.toasts', { id: 'toasts', role: 'status', 'aria-live': 'polite' }),
    h('p.unseen', { id: 'news', role: 'status', 'aria-live': 'polite' }),
  )
  drawConnection()
}

function navigation() {
  const item = ([path, symbol, label, isOnBar]) =>
    h(`a.nav-item${isOnBar ? '' : '.is-further'}`, { href: path, 'data-path': path }, icon(symbol), h('span', label))
  const more = h('a.nav-item.is-more', { href: '/app/more', 'data-path': '/app/more' }, icon('user'), h('span', t('More')))
  const brand = h('p.rail-brand', shop.logo && h('img', { src: shop.logo, alt: '' }), h('span', shop.name))
  return h('nav.nav', { 'aria-label': t('Main') }, brand, ...places().map(item), more)
}

/** Put a screen into the frame. */
export function drawScreen({ title, back, mark, body, wide = false }) {
  const head = h(
    'header.screen-head',
    back && h('a.icon-button', { href: back, 'aria-label': t('Back') }, icon('chevron-left')),
    mark && h('img.brand-mark', { src: mark, alt: '' }),
    h('h1', { tabindex: '-1' }, title),
  )
  main().className = wide ? 'main is-wide' : 'main'
  show(main(), head, body)
  document.title = title === shop.name ? title : `${title} · ${shop.name}`
}

/** Say where one is now: in the menu, to screen readers, and by moving the focus there. */
export function arrive({ isFirst }) {
  const heading = main().querySelector('h1')
  for (const item of document.querySelectorAll('.nav-item')) {
    const isHere = item.dataset.path === place(location.pathname)
    if (isHere) item.setAttribute('aria-current', 'page')
    else item.removeAttribute('aria-current')
  }
  if (isFirst) return
  heading?.focus({ preventScroll: true })
  announce(heading?.textContent || '')
}

/** The place of the menu a path belongs to. A phone shows the further ones as “More”. */
function place(path) {
  const found = places().filter(([start]) => (start === '/' ? path === '/' : path.startsWith(start)))
  const own = found.at(-1)?.[0] || (path.startsWith('/app/redemptions') ? '/app/rewards' : '/app/more')
  const isFurther = furtherPlaces().some(([start]) => start === own)
  document.querySelector('.nav-item.is-more')?.classList.toggle('is-here', isFurther || own === '/app/more')
  return own
}

export function announce(text) {
  const news = document.getElementById('news')
  if (news) show(news, text)
}

export function drawConnection() {
  const banner = document.getElementById('offline')
  const isAway = !navigator.onLine || !isReachable()
  document.documentElement.classList.toggle('is-offline', isAway)
  if (banner) show(banner, isAway && [icon('wifi-off'), h('span', t('You are offline. This is what was last known.'))])
}

export function watchConnection() {
  onReachable(drawConnection)
  addEventListener('online', drawConnection)
  addEventListener('offline', drawConnection)
}
