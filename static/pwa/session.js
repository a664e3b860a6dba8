/* Who uses this phone: the member who is signed in, and before that whether the visitor is old enough to look. */

import { dropToken, endSession, keepToken, restoreClock, signInPost } from './api.js'
import { currentLanguage, shop } from './i18n.js'
import { dropSubscription } from './push.js'
import { askToSync } from './scans.js'
import { forgetEverything, session } from './store.js'

const BORN = 'app-born'

let device = null

export async function restore() {
  device = (await session.get('device')) || null
  await session.put(currentLanguage(), 'language')
  await restoreClock()
}

export const isSignedIn = () => device !== null

/** { id, key }: what the card on this phone is drawn from. */
export const thisDevice = () => device

/** Sign in by a one-time code. `join` is what a new member tells us, else null. */
export async function signIn({ id, code, join }) {
  const answer = await signInPost('tokens', { id, code, device_name: deviceName(), native: false, join })
  keepToken(answer)
  device = { id: answer.device_id, key: await keyOf(answer.card_key) }
  await session.put(device, 'device')
  await session.put(currentLanguage(), 'language')
  localStorage.removeItem('app-invite')
  localStorage.removeItem(BORN)
  return answer
}

/** Sign out: nothing of the member stays here. The server is told at once, or else as soon as it can be reached. */
export async function forget() {
  device = null
  dropToken()
  localStorage.removeItem(BORN)
  await forgetEverything()
  // Messages of this member must not come to whoever uses the phone next.
  await dropSubscription().catch(() => {})
  await endSession().catch(askToSync)
}

/** The date of birth a visitor gave; nothing is shown before. It goes when they are in: the next visitor is asked anew. */
export const bornOn = () => localStorage.getItem(BORN)

export function rememberBirth(date) {
  localStorage.setItem(BORN, date)
}

/** Whole years on today's date where the visitor is. */
export function isOfAge(date) {
  const [year, month, day] = date.split('-').map(Number)
  const today = new Date()
  const hadBirthday = today.getMonth() + 1 > month || (today.getMonth() + 1 === month && today.getDate() >= day)
  return today.getFullYear() - year - (hadBirthday ? 0 : 1) >= shop.legal_age
}

export const isLetIn = () => isSignedIn() || (bornOn() !== null && isOfAge(bornOn()))

/** The key never leaves the browser again: scripts can sign with it, not read it. */
function keyOf(text) {
  const bytes = Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0))
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
}

/** How the member will know this phone in the list of devices. */
function deviceName() {
  const agent = navigator.userAgent
  const find = (names) => names.find(([pattern]) => pattern.test(agent))?.[1]
  const system = find([[/iPhone/, 'iPhone'], [/iPad/, 'iPad'], [/Android/, 'Android'], [/Mac/, 'Mac'], [/Windows/, 'Windows'], [/Linux/, 'Linux']])
  const browser = find([[/Edg\//, 'Edge'], [/SamsungBrowser/, 'Samsung Internet'], [/Firefox|FxiOS/, 'Firefox'], [/Chrome|CriOS/, 'Chrome'], [/Safari/, 'Safari']])
  return [browser, system].filter(Boolean).join(' · ') || 'Browser'
}
