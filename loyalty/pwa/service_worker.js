/* The app without a connection. The server puts `APP` above: a version, and the files that make it.
   Data is not kept here but in IndexedDB, where it goes when the member signs out; here are files, and pictures of rewards. */

import { endSession } from '/static/pwa/api.js'
import { SYNC, sendWaiting } from '/static/pwa/scans.js'

const FILES = `app-${APP.version}`
const PICTURES = 'pictures'
const MOST_PICTURES = 120

addEventListener('install', (event) => {
  event.waitUntil(keepFiles())
})

addEventListener('activate', (event) => {
  event.waitUntil(dropOlderVersions())
})

addEventListener('message', (event) => {
  if (event.data === 'take over') skipWaiting()
})

addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== location.origin) return
  if (request.mode === 'navigate') {
    if (isScreen(url.pathname)) event.respondWith(kept(APP.shell).then((shell) => shell || fetch(request)))
    else if (url.pathname.startsWith('/join/')) event.respondWith(fetch(request).catch(() => kept(APP.offline)))
  } else if (APP.files.includes(url.pathname + url.search)) {
    event.respondWith(kept(request).then((file) => file || fetch(request)))
  } else if (request.destination === 'image' && isPicture(url.pathname)) {
    event.respondWith(picture(request))
  }
})

addEventListener('sync', (event) => {
  if (event.tag === SYNC) event.waitUntil(endSession().then(sendWaiting))
})

addEventListener('push', (event) => {
  const told = read(event.data)
  event.waitUntil(
    registration.showNotification(told.title || APP.name, {
      body: told.body || '',
      icon: APP.icon,
      badge: APP.icon,
      tag: told.tag,
      data: { link: told.link || '/app/messages' },
    }),
  )
})

addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(open(new URL(event.notification.data.link, location.origin).href))
})

async function keepFiles() {
  const files = await caches.open(FILES)
  const wanted = [APP.shell, APP.offline, ...APP.files]
  await files.addAll(wanted.map((url) => new Request(url, { cache: 'reload' })))
}

async function dropOlderVersions() {
  const names = await caches.keys()
  const old = names.filter((name) => name.startsWith('app-') && name !== FILES)
  await Promise.all(old.map((name) => caches.delete(name)))
  await clients.claim()
}

const isScreen = (path) => path === '/' || path.startsWith('/app/')
const isPicture = (path) => path.startsWith('/api/loyalty/v1/pictures/') || path.startsWith('/app/icon-')
const kept = async (request) => (await caches.open(FILES)).match(request)

/** A picture's address names its content, so one that is kept is never out of date. */
async function picture(request) {
  const pictures = await caches.open(PICTURES)
  const known = await pictures.match(request)
  if (known) return known
  const answer = await fetch(request)
  if (answer.ok) {
    await pictures.put(request, answer.clone())
    const all = await pictures.keys()
    await Promise.all(all.slice(0, Math.max(0, all.length - MOST_PICTURES)).map((old) => pictures.delete(old)))
  }
  return answer
}

function read(data) {
  try {
    return data.json()
  } catch {
    return { body: data?.text() }
  }
}

async function open(url) {
  const windows = await clients.matchAll({ type: 'window' })
  const ours = windows.find((client) => isScreen(new URL(client.url).pathname))
  if (!ours) return clients.openWindow(url)
  const there = await ours.navigate(url)
  return there?.focus()
}
