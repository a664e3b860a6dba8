/* Scans that wait. Each is written down on the phone first and sent under its own id, so that it counts once however
   often it is sent. Used by the app and by its service worker. */

import { Offline, Refused, SignedOut, post } from './api.js'
import { scans } from './store.js'

export const SYNC = 'send-scans'
const CHANNEL = 'regulars-scans'
const news = new BroadcastChannel(CHANNEL)

/** Keep a scan and try to send it. Resolves to what came of it, or undefined while it waits for a connection. */
export async function scan(code) {
  const row = { client_id: crypto.randomUUID(), code, scanned_at: new Date().toISOString() }
  await scans.put(row)
  const outcomes = await sendWaiting()
  const outcome = outcomes.get(row.client_id) ?? (await sentMeanwhile(row))
  if (!outcome?.answer && !outcome?.refusal) await askToSync()
  return outcome
}

/** Who sent it with what waited, as the app does when it starts, had the answer: it is given again, and counts once. */
async function sentMeanwhile(row) {
  const waits = (await scans.all()).some((other) => other.client_id === row.client_id)
  return waits ? undefined : send(row)
}

/**
 * Send what waits, oldest first, one tab at a time. Resolves to client id -> { answer }, { refusal }, or { later } with
 * the error that made it stay.
 */
export function sendWaiting() {
  return navigator.locks.request('regulars-scans', async () => {
    const outcomes = new Map()
    const waiting = (await scans.all()).sort((one, other) => one.scanned_at.localeCompare(other.scanned_at))
    for (const row of waiting) {
      const outcome = await send(row)
      outcomes.set(row.client_id, outcome)
      if (outcome.later) break
      await scans.remove(row.client_id)
    }
    if ([...outcomes.values()].some(({ later }) => !later)) news.postMessage('sent')
    return outcomes
  })
}

export const waitingScans = () => scans.all()

/** Call when scans were sent, here or by another tab or the service worker. A channel does not hear itself: this is another. */
export function onSent(listener, signal) {
  const ear = new BroadcastChannel(CHANNEL)
  ear.addEventListener('message', listener)
  signal?.addEventListener('abort', () => ear.close(), { once: true })
}

/** What was answered is settled; what was not stays for later. */
async function send(row) {
  try {
    return { answer: await post('me/scans', row) }
  } catch (error) {
    const isSettled = error instanceof Refused && error.status !== 429 && error.status < 500
    if (isSettled) return { refusal: error }
    if (error instanceof Offline || error instanceof SignedOut || error instanceof Refused) return { later: error }
    throw error
  }
}

/** Where the browser can, it sends what waits even after the app was closed. */
export async function askToSync() {
  const registration = await navigator.serviceWorker?.getRegistration()
  await registration?.sync?.register(SYNC).catch(() => {})
}
