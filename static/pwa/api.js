/* Calls to the API. The access token lives in memory only; the refresh token is a cookie that no script can read.
   Used by the app and by its service worker. */

import { SIGNED_OUT, session } from './store.js'

const BASE = '/api/loyalty/v1/'
// The header tells the server that no other site made the browser ask.
const OURS = { 'X-Requested-With': 'regulars' }
const EARLY = 20_000 // A token is renewed so many milliseconds before it ends.

let token = null
let endsAt = 0
let renewing = null
let clockOffset = 0

/** The server's answer was no. `code` is for programs, `message` for people. */
export class Refused extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail || '')
    this.status = status
    this.code = problem.code || 'error'
    this.errors = problem.errors || {}
    this.retryAfter = retryAfter
  }
}

/** There was no answer. */
export class Offline extends Error {}

/** Nobody is signed in on this phone any more. */
export class SignedOut extends Error {}

/** Milliseconds since 1970 by the server's clock: a card drawn by a phone that is minutes off would not be read. */
export const serverTime = () => Date.now() + clockOffset

export async function restoreClock() {
  clockOffset = (await session.get('clock')) || 0
}

export function keepToken({ access, expires_in: seconds }) {
  token = access
  endsAt = Date.now() + seconds * 1000
}

export function dropToken() {
  token = null
}

/** The answer as it came, for whoever needs its headers. Throws Refused, Offline or SignedOut. */
export async function call(path, { method = 'GET', body, headers = {}, isPublic = false, signal } = {}) {
  await endSession()
  if (!isPublic && (!token || Date.now() > endsAt - EARLY)) await renew()
  let response = await send(path, { method, body, headers, isPublic, signal })
  if (response.status === 401 && !isPublic) {
    await renew()
    response = await send(path, { method, body, headers, isPublic, signal })
  }
  return accepted(response)
}

async function accepted(response) {
  if (response.ok || response.status === 304) return response
  const problem = await response.json().catch(() => ({}))
  throw new Refused(response.status, problem, Number(response.headers.get('Retry-After')) || 0)
}

/** The body of the answer, or null when it has none. */
export async function ask(path, options) {
  const response = await call(path, options)
  return response.status === 204 ? null : response.json()
}

export const post = (path, body, options = {}) => ask(path, { method: 'POST', body, ...options })

/** Sign-in answers by a cookie. */
export const signInPost = (path, body) => post(`sign-in/${path}`, body, { isPublic: true, headers: OURS })

/** One at a time, across tabs and the service worker: a refresh token is good for one use. */
const withCookie = (work) => navigator.locks.request('regulars-refresh', work)

/**
 * Tell the server that the member has signed out here, unless it knows. Somebody may have done so without a connection:
 * then this goes before anything else that is asked, and while it fails, nothing else is.
 */
export async function endSession() {
  if (!(await session.get(SIGNED_OUT))) return
  await withCookie(async () => {
    if (!(await session.get(SIGNED_OUT))) return
    await accepted(await send('sign-in/tokens', { method: 'DELETE', headers: OURS, isPublic: true }))
    await session.remove(SIGNED_OUT)
  })
}

function renew() {
  renewing ??= withCookie(refresh).finally(() => {
    renewing = null
  })
  return renewing
}

async function refresh() {
  if (!(await session.get('device'))) throw new SignedOut()
  try {
    const response = await send('sign-in/refresh', { method: 'POST', body: {}, headers: OURS, isPublic: true })
    keepToken(await (await accepted(response)).json())
  } catch (error) {
    if (error instanceof Refused && error.status === 401) throw new SignedOut()
    throw error
  }
}

async function send(path, { method, body, headers, isPublic, signal }) {
  const language = await session.get('language')
  let response
  try {
    response = await fetch(path.startsWith('/') ? path : BASE + path, {
      method,
      signal,
      headers: {
        Accept: 'application/json',
        ...(language && { 'Accept-Language': language }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(!isPublic && token && { Authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  } catch (error) {
    if (error.name === 'AbortError') throw error
    throw new Offline(error.message)
  }
  if (response.status >= 502 && response.status <= 504) throw new Offline(`The server answers ${response.status}.`)
  noteClock(response)
  return response
}

function noteClock(response) {
  const date = Date.parse(response.headers.get('Date'))
  if (Number.isNaN(date)) return
  const offset = date - Date.now()
  // The header has whole seconds and took its time to come: less than five seconds is no difference.
  const rounded = Math.abs(offset) < 5000 ? 0 : offset
  if (Math.abs(rounded - clockOffset) < 5000) return
  clockOffset = rounded
  session.put(rounded, 'clock')
}
