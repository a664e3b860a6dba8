/* What a screen shows from the API: the last good answer at once, then the fresh one; offline, the last good one stays. */

import { Offline, Refused, SignedOut, ask, call } from './api.js'
import { show } from './dom.js'
import { answers, keepAnswer } from './store.js'
import { failure, skeleton } from './ui.js'

const network = new EventTarget()
let reachable = true

/** Whether the last call was answered. */
export const isReachable = () => reachable

export function onReachable(listener, signal) {
  network.addEventListener('change', () => listener(reachable), { signal })
}

function noteReachable(value) {
  if (value === reachable) return
  reachable = value
  network.dispatchEvent(new Event('change'))
}

/** The last good answer kept on this phone: { body, etag, at } or undefined. */
export const lastAnswer = (path) => answers.get(path)

/** Fetch and keep. Throws as `call` does. */
export async function fresh(path, options = {}) {
  const kept = await answers.get(path)
  try {
    const response = await call(path, { ...options, headers: kept?.etag ? { 'If-None-Match': kept.etag } : {} })
    noteReachable(true)
    if (response.status === 304) return kept.body
    const body = await response.json()
    await keepAnswer(path, { body, etag: response.headers.get('ETag'), at: Date.now() })
    return body
  } catch (error) {
    if (error instanceof Offline) noteReachable(false)
    throw error
  }
}

/** The fresh answer, or the last good one when there is no connection. */
export async function freshOrLast(path, options) {
  try {
    return await fresh(path, options)
  } catch (error) {
    const kept = await answers.get(path)
    if (kept && error instanceof Offline) return kept.body
    throw error
  }
}

/**
 * Draw `path` into `place` whenever there is something new of it, until `signal` ends it. Resolves to a function that
 * fetches it again. `bones` are what stands there before the first answer; a `quiet` part shows nothing until then, and
 * nothing when it fails: others on the screen say so.
 */
export function live(path, place, draw, { signal, bones = skeleton(), quiet = false } = {}) {
  let drawn = null
  const put = (body) => {
    const text = JSON.stringify(body)
    if (signal.aborted || text === drawn) return
    show(place, draw(body))
    place.removeAttribute('aria-busy')
    drawn = text
  }
  const fetchAgain = async () => {
    try {
      put(await fresh(path, { signal }))
    } catch (error) {
      if (signal.aborted || error.name === 'AbortError') return
      if (error instanceof SignedOut) return document.dispatchEvent(new Event('signedout'))
      if (drawn === null) give(error)
      if (!(error instanceof Offline || error instanceof Refused)) throw error
    }
    return undefined
  }
  const give = (error) => {
    place.removeAttribute('aria-busy')
    show(place, quiet ? null : failure(error, begin))
  }
  const begin = async () => {
    place.setAttribute('aria-busy', 'true')
    show(place, quiet ? null : bones)
    const kept = await answers.get(path)
    try {
      if (kept) put(kept.body)
    } catch {
      // Kept by an older version of the app, which knew another shape.
    }
    await fetchAgain()
  }
  const whenSeen = () => document.visibilityState === 'visible' && fetchAgain()
  document.addEventListener('visibilitychange', whenSeen, { signal })
  addEventListener('online', fetchAgain, { signal })
  document.addEventListener('changed', fetchAgain, { signal })
  begin()
  return fetchAgain
}

/** Tell every part of the screen that something changed on the server. */
export const changed = () => document.dispatchEvent(new Event('changed'))

/** A list whose answer names the place of the next page: the first is live, the others come by a button. */
export const pageOf = (path, cursor) => ask(`${path}?cursor=${encodeURIComponent(cursor)}`)
