/* Putting the app on the home screen: the browser's own offer where it makes one, else words for iPhones. */

import { h } from './dom.js'
import { shop, t } from './i18n.js'
import { icon } from './icons.js'
import { button } from './ui.js'

const LATER = 'app-install-later'
const DAYS = 30

let offered = null

export function watchInstall() {
  addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault()
    offered = event
    document.dispatchEvent(new Event('installable'))
  })
}

const isInstalled = () => matchMedia('(display-mode: standalone)').matches || navigator.standalone === true
const isIPhone = () => /iPhone|iPad/.test(navigator.userAgent) && !/CriOS|FxiOS/.test(navigator.userAgent)
const isPutOff = () => Date.now() - Number(localStorage.getItem(LATER) || 0) < DAYS * 86_400_000

/** A hint to install, kept up to date in a place of its own; nothing when there is nothing to offer. */
export function installHint(signal) {
  const place = h('div')
  const fill = () => place.replaceChildren(...[hint(() => place.replaceChildren())].filter(Boolean))
  document.addEventListener('installable', fill, { signal })
  fill()
  return place
}

function hint(close) {
  if (isInstalled() || isPutOff()) return null
  if (!offered && !isIPhone()) return null
  const later = () => {
    localStorage.setItem(LATER, Date.now())
    close()
  }
  const install = async () => {
    await offered.prompt()
    offered = null
    close()
  }
  const text = offered
    ? t('Your card opens at once, also without a connection.')
    : t('Tap Share, then “Add to Home Screen”. Your card then opens at once, also without a connection.')
  return h(
    'aside.hint',
    { 'aria-label': t('Install the app') },
    icon('device-mobile'),
    h('div', h('p.hint-title', t('Put {shop} on your home screen', { shop: shop.name })), h('p', text), offered && button(t('Install'), install, { kind: 'small' })),
    h('button.icon-button', { type: 'button', 'aria-label': t('Not now'), onclick: later }, icon('x')),
  )
}
