/* A shopper's app written against the client that openapi-typescript makes of our description. */

import createClient from 'openapi-fetch'
import { createInterface } from 'node:readline/promises'
import process from 'node:process'
import type { paths } from './schema.js'

const api = createClient<paths>({ baseUrl: process.env.BASE })
const console_ = createInterface({ input: process.stdin })

function given<Body>(answer: { data?: Body; error?: unknown; response: Response }): Body {
  if (answer.data === undefined) throw new Error(`${answer.response.status} ${JSON.stringify(answer.error)}`)
  return answer.data
}

const email: string = process.env.EMAIL ?? ''
const asked = given(await api.POST('/api/loyalty/v1/sign-in/codes', { body: { email } }))
process.stdout.write(`${asked.id}\n`)
const code = await new Promise<string>((resolve) => console_.once('line', resolve))
console_.close()

const entrance = { id: asked.id, code, device_name: 'A TypeScript client', native: true }
const signedIn = given(await api.POST('/api/loyalty/v1/sign-in/tokens', { body: entrance }))
const renewed = given(await api.POST('/api/loyalty/v1/sign-in/refresh', { params: {}, body: { refresh: signedIn.refresh } }))
api.use({
  onRequest({ request }) {
    request.headers.set('Authorization', `Bearer ${renewed.access}`)
    return request
  },
})

const me = given(await api.GET('/api/loyalty/v1/me'))
const before: number = me.points.balance
const { results: rewards } = given(await api.GET('/api/loyalty/v1/me/rewards'))
const wanted = rewards.find((reward) => reward.can_hold)
if (!wanted) throw new Error('There is nothing to hold.')

const params = { header: { 'Idempotency-Key': crypto.randomUUID() } }
const held = given(await api.POST('/api/loyalty/v1/me/redemptions', { params, body: { reward: wanted.id } }))
const again = given(await api.POST('/api/loyalty/v1/me/redemptions', { params, body: { reward: wanted.id } }))
const path = { public_id: held.id }
const released = given(await api.POST('/api/loyalty/v1/me/redemptions/{public_id}/release', { params: { path } }))
const after: number = given(await api.GET('/api/loyalty/v1/me')).points.balance
const programme = given(await api.GET('/api/loyalty/v1/programme'))

const told = {
  member: me.name,
  before,
  held: [held.status, held.pin?.length],
  is_same: held.id === again.id,
  released: released.status,
  after,
  legal_age: programme.legal_age,
}
process.stdout.write(`${JSON.stringify(told)}\n`)
