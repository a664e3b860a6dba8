/* Notifications: this phone's own yes or no, beside what the member agreed to be told. */

import { ask } from './api.js'
import { fresh } from './live.js'

export const canPush = () => 'PushManager' in window && 'serviceWorker' in navigator && 'Notification' in window

export const isBlocked = () => Notification.permission === 'denied'

async function subscription() {
  const registration = canPush() && (await navigator.serviceWorker.getRegistration())
  return registration ? registration.pushManager.getSubscription() : null
}

export const isSubscribed = async () => (await subscription()) !== null

/** Ask the person, then the browser's push service, then tell our server. False when the person said no. */
export async function subscribe() {
  if ((await Notification.requestPermission()) !== 'granted') return false
  const { push_key: key } = await fresh('programme', { isPublic: true })
  const { pushManager } = await navigator.serviceWorker.ready
  const made = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
  const { endpoint, keys } = made.toJSON()
  await ask('me/push', { method: 'PUT', body: { endpoint, keys } })
  return true
}

export async function unsubscribe() {
  const endpoint = await dropSubscription()
  if (endpoint) await ask('me/push', { method: 'DELETE', body: { endpoint } })
}

/** This phone takes no messages any more, whatever the server knows. Resolves to where they went. */
export async function dropSubscription() {
  const made = await subscription()
  await made?.unsubscribe()
  return made?.endpoint
}
