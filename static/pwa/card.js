/* The member card: a text that changes every half minute, signed on the phone, so that it works without a connection and
   a photo of it is soon worth nothing. The same is written in Python in loyalty/rules/proofs.py. */

const SECONDS = 30
const SIGNATURE_BYTES = 10

/** Milliseconds until the next text. */
export const untilNext = (now) => SECONDS * 1000 - (now % (SECONDS * 1000))

export async function cardText({ id, key }, now) {
  const step = Math.floor(now / 1000 / SECONDS)
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(String(step)))
  return ['RGC1', base64url(bytesOf(id)), step.toString(36), base64url(new Uint8Array(signature, 0, SIGNATURE_BYTES))].join('.')
}

const bytesOf = (uuid) => Uint8Array.from(uuid.replaceAll('-', '').match(/../g), (pair) => parseInt(pair, 16))

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
