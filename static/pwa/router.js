/* Addresses and screens. A screen is a module with a function (params, signal) -> { title, body, back, mark, wide };
   `signal` ends what the screen started (camera, timers, listeners) when it is left. */

import { arrive, drawScreen } from './layout.js'
import { t } from './i18n.js'
import { isSignedIn } from './session.js'
import { failure } from './ui.js'

const SCREENS = [
  [/^\/$/, () => import('./screens/home.js')],
  [/^\/app\/card$/, () => import('./screens/card.js')],
  [/^\/app\/rewards$/, () => import('./screens/rewards.js')],
  [/^\/app\/rewards\/(?<id>[\w-]+)$/, () => import('./screens/reward.js')],
  [/^\/app\/redemptions\/(?<id>[\w-]+)$/, () => import('./screens/redemption.js')],
  [/^\/app\/scan$/, () => import('./screens/scan.js')],
  [/^\/app\/activity$/, () => import('./screens/activity.js')],
  [/^\/app\/wishlist$/, () => import('./screens/wishlist.js')],
  [/^\/app\/friends$/, () => import('./screens/friends.js')],
  [/^\/app\/messages$/, () => import('./screens/messages.js')],
  [/^\/app\/preferences$/, () => import('./screens/preferences.js')],
  [/^\/app\/programme$/, () => import('./screens/programme.js')],
  [/^\/app\/more$/, () => import('./screens/more.js')],
]
const SIGN_IN = '/app/sign-in'

let leaving = new AbortController()
let isFirst = true

export function startRouter() {
  addEventListener('popstate', () => draw())
  document.addEventListener('click', followLink)
  return draw()
}

export function go(path, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', path)
  return draw()
}

/** Draw the screen of the present address anew. */
export async function draw() {
  leaving.abort()
  leaving = new AbortController()
  const { signal } = leaving
  try {
    const [load, params] = screenOf(location.pathname)
    const screen = await load()
    const drawn = await screen.default(params, signal)
    if (signal.aborted) return
    drawScreen(drawn)
  } catch (error) {
    if (signal.aborted) return
    drawScreen({ title: t('This did not work'), body: failure(error, draw) })
  }
  scrollTo(0, 0)
  arrive({ isFirst })
  isFirst = false
}

function screenOf(path) {
  if (!isSignedIn() || path === SIGN_IN) {
    return isSignedIn() ? leaveSignIn() : [() => import('./screens/sign-in.js'), {}]
  }
  for (const [pattern, load] of SCREENS) {
    const match = pattern.exec(path)
    if (match) return [load, match.groups || {}]
  }
  return [() => import('./screens/missing.js'), {}]
}

function leaveSignIn() {
  history.replaceState(null, '', '/')
  return screenOf('/')
}

/** Links of the app change the screen; others leave it as they would anywhere. */
function followLink(event) {
  const anchor = event.target.closest?.('a[href]')
  if (!anchor || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return
  const url = new URL(anchor.href, location.href)
  const isOurs = url.origin === location.origin && (url.pathname === '/' || url.pathname.startsWith('/app/'))
  if (!isOurs || url.hash || anchor.target || anchor.hasAttribute('download')) return
  event.preventDefault()
  go(url.pathname + url.search)
}
