/* Notifications: this phone's own yes or no, beside what the member agreed to be told. */

import { ask } from './api.js'
import { fresh } from './live.js'

export const canPush = () => 'PushManager' in window && 'serviceWorker' in navigator && 'Notification' in window

export const isBlocked = () => Notification.permission === 'denied'

async function registered() {
  return (await navigator.serviceWorker.ready).pushManager
}

export async function isSubscribed() {
  if (!canPush() || !(await navigator.serviceWorker.getRegistration())) return false
  return (await (await registered()).getSubscription()) !== null
}

/** Ask the person, then the browser's push service, then tell our server. False when the person said no. */
export async function subscribe() {
  if ((await Notification.requestPermission()) !== 'granted') return false
  const { push_key: key } = await fresh('programme', { isPublic: true })
  const manager = await registered()
  const subscription = await manager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
  const { endpoint, keys } = subscription.toJSON()
  await ask('me/push', { method: 'PUT', body: { endpoint, keys } })
  return true
}

export async function unsubscribe() {
  const subscription = await (await registered()).getSubscription()
  if (!subscription) return
  await ask('me/push', { method: 'DELETE', body: { endpoint: subscription.endpoint } })
  await subscription.unsubscribe()
}
