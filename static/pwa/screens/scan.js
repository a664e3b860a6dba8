/* Product codes, by camera or typed. What is scanned without a connection waits on the phone and is sent once. */

import { Refused } from '../api.js'
import { h, show } from '../dom.js'
import { moment, n, signed, t } from '../i18n.js'
import { icon } from '../icons.js'
import { announce } from '../layout.js'
import { changed, live } from '../live.js'
import { qrDetector } from '../qr.js'
import { onSent, scan, waitingScans } from '../scans.js'
import { busy, button, field, input, list, part, wordsOf } from '../ui.js'

const LOOK_EVERY = 200

export default function scanScreen(params, signal) {
  const camera = h('div.camera')
  const result = h('div', { 'aria-live': 'polite' })
  const waiting = h('div')
  const recent = h('div')
  const take = (code) => settle(code, result, waiting)
  startCamera(camera, take, signal)
  drawWaiting(waiting)
  onSent(() => sent(result, waiting), signal)
  live('me/scans', recent, past, { signal, quiet: true })
  const given = new URLSearchParams(location.search).get('code')
  if (given) take(given)
  return { title: t('Scan a code'), body: [camera, result, typed(take), waiting, recent] }
}

function typed(take) {
  const code = input({ autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false', maxlength: '200' })
  const row = field(t('Or type the code'), code, { help: t('It stands under the picture on the package.') })
  const send = button(t('Use this code'), null, { type: 'submit', kind: 'primary' })
  const form = h('form.typed', { novalidate: true }, row, send)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    row.complain('')
    if (!code.value.trim()) return row.complain(t('Type the code first.'))
    return busy(send, async () => {
      await take(code.value.trim())
      code.value = ''
    })
  })
  return form
}

/** Send a code and say what came of it. */
async function settle(code, result, waiting) {
  const outcome = await scan(code)
  await drawWaiting(waiting)
  show(result, told(outcome))
  if (outcome?.answer) changed()
}

function told(outcome) {
  if (outcome?.later instanceof Refused) return h('p.notice.is-warning', icon('clock'), h('span', wordsOf(outcome.later)))
  if (!outcome || outcome.later) return h('p.notice.is-kept', icon('clock'), h('span', t('Kept. It is sent as soon as you are online.')))
  if (outcome.refusal) return h('p.notice.is-warning', icon('alert-triangle'), h('span', wordsOf(outcome.refusal)))
  const { points, product, text } = outcome.answer
  const words = points ? n('{count} point for you!', '{count} points for you!', points) : t('Read. Thank you!')
  return h('div.won', icon('circle-check'), h('p.won-points', words), h('p', product?.name || text))
}

/** What was kept has left: the list below says what came of it. */
async function sent(result, waiting) {
  await drawWaiting(waiting)
  result.querySelector('.is-kept')?.remove()
}

async function drawWaiting(place) {
  const rows = await waitingScans()
  show(place, rows.length > 0 && part(t('Waiting to be sent'), {}, list(rows.map(({ code, scanned_at: at }) => h('div.row-flat', h('span.row-icon', icon('clock')), h('span.row-text', h('strong', code), h('span.small', moment(at))))))))
}

function past({ results: rows }) {
  if (!rows.length) return null
  const row = ({ product, points, scanned_at: at, text }) =>
    h('div.row-flat', h('span.row-icon', icon('scan')), h('span.row-text', h('strong', product?.name || text), h('span.small', moment(at))), points > 0 && h('span.row-points', signed(points)))
  return part(t('Scanned before'), {}, list(rows.slice(0, 10).map(row)))
}

async function startCamera(place, take, signal) {
  if (!navigator.mediaDevices?.getUserMedia) return show(place, without(t('This browser has no camera for us. Type the code below.')))
  const start = button(t('Open the camera'), () => busy(start, () => watch(place, take, signal)), { kind: 'primary', name: 'scan' })
  const permission = await navigator.permissions?.query({ name: 'camera' }).catch(() => null)
  if (signal.aborted) return undefined
  if (permission?.state === 'granted') return watch(place, take, signal)
  return show(place, h('div.camera-off', icon('scan'), h('p', t('Point it at the code on the package.')), start))
}

const without = (text) => h('div.camera-off', icon('camera-off'), h('p', text))

async function watch(place, take, signal) {
  let stream
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' }, audio: false })
  } catch {
    return show(place, without(t('We may not use the camera. Allow it in your browser’s settings, or type the code below.')))
  }
  const stop = () => stream.getTracks().forEach((track) => track.stop())
  if (signal.aborted) return stop()
  signal.addEventListener('abort', stop)
  const video = h('video', { playsinline: true, muted: true, autoplay: true, 'aria-label': t('Camera'), props: { srcObject: stream, muted: true } })
  show(place, video, h('span.camera-frame', { 'aria-hidden': 'true' }))
  announce(t('The camera is on.'))
  look(video, await qrDetector(), take, signal)
  return undefined
}

/** Look at the picture again and again. The same code is taken once while it stays in view. */
async function look(video, detector, take, signal) {
  let last = ''
  while (!signal.aborted) {
    const seen = video.readyState >= 2 ? await detector.detect(video).catch(() => []) : []
    const code = seen[0]?.rawValue || ''
    if (code && code !== last && !signal.aborted) {
      last = code
      navigator.vibrate?.(60)
      await take(code)
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY))
  }
}
