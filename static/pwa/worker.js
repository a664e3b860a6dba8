/* The service worker from the page's side: it is registered, and a newer one is offered, never forced. */

import { t } from './i18n.js'
import { toast } from './ui.js'

export async function startWorker() {
  if (!('serviceWorker' in navigator)) return
  let registration
  try {
    registration = await navigator.serviceWorker.register('/sw.js', { type: 'module', scope: '/', updateViaCache: 'none' })
  } catch {
    return // The browser has none of these: the app then works online only.
  }
  if (!registration) return
  if (registration.waiting && navigator.serviceWorker.controller) offer(registration.waiting)
  registration.addEventListener('updatefound', () => {
    const next = registration.installing
    next?.addEventListener('statechange', () => {
      if (next.state === 'installed' && navigator.serviceWorker.controller) offer(next)
    })
  })
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && navigator.onLine) registration.update().catch(() => {})
  })
}

function offer(worker) {
  const onaction = () => {
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true })
    worker.postMessage('take over')
  }
  toast(t('A new version of the app is ready.'), { action: t('Update'), onaction, stays: true })
}
