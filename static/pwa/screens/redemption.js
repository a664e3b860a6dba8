/* A reward that is held: the code, PIN and QR for the counter, the time that is left, and giving it back. */

import { post } from '../api.js'
import { h, show } from '../dom.js'
import { n, t } from '../i18n.js'
import { announce } from '../layout.js'
import { changed, freshOrLast, live } from '../live.js'
import { qrPicture } from '../qr.js'
import { busy, button, confirm, empty, link } from '../ui.js'

const ASK_EVERY = 4000

export default async function redemption({ id }, signal) {
  const find = ({ results }) => results.find((one) => one.id === id)
  const found = find(await freshOrLast('me/redemptions', { signal }))
  if (!found) return { title: t('Reward'), back: '/app/rewards', body: empty('ticket', t('This is not on this phone'), null, link(t('All rewards'), '/app/rewards')) }
  const place = h('div', { 'aria-live': 'polite' })
  let status = statusOf(found)
  const again = live('me/redemptions', place, (body) => {
    const now = find(body) || found
    const before = status
    status = statusOf(now)
    if (status !== before) announce(outcome(status, now.points)[1])
    return status === 'held' ? ticket(now, signal, again) : ended(status, now.points)
  }, { signal })
  const timer = setInterval(() => status === 'held' && document.visibilityState === 'visible' && again(), ASK_EVERY)
  signal.addEventListener('abort', () => clearInterval(timer))
  return { title: found.reward.name, back: '/app/rewards', body: place }
}

/** A hold that has run out is over for the shopper at once, though the server may take a moment to note it. */
const statusOf = ({ status, expires_at: until }) => (status === 'held' && new Date(until) <= Date.now() ? 'expired' : status)

function ticket(held, signal, again) {
  const giveBack = button(t('Give it back'), () => busy(giveBack, () => release(held)), { kind: 'quiet', wide: true })
  return h(
    'section.ticket',
    h('p', t('Show this at the counter.')),
    qrPicture(held.qr, t('QR code of this reward')),
    h('dl.ticket-words', h('div', h('dt', t('Code')), h('dd', spaced(held.code))), h('div', h('dt', t('PIN')), h('dd', spaced(held.pin)))),
    countdown(held.expires_at, signal, again),
    giveBack,
  )
}

/** Letters one by one for a screen reader, and easy to read out for everybody. */
const spaced = (code) => h('span', { 'aria-label': [...code].join(' '), role: 'img' }, code)

function countdown(until, signal, again) {
  const left = h('strong')
  const tick = () => {
    const seconds = Math.max(0, Math.round((new Date(until) - Date.now()) / 1000))
    show(left, clock(seconds))
    if (seconds === 0) {
      clearInterval(timer)
      again()
    }
  }
  const timer = setInterval(tick, 1000)
  signal.addEventListener('abort', () => clearInterval(timer))
  tick()
  return h('p.ticket-left', { role: 'timer', 'aria-live': 'off' }, t('Held for you for'), ' ', left)
}

function clock(seconds) {
  if (seconds >= 172_800) return n('{count} day', '{count} days', Math.floor(seconds / 86_400))
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const shown = parts[0] ? parts : parts.slice(1)
  return shown.map((part, at) => (at ? String(part).padStart(2, '0') : String(part))).join(':')
}

async function release(held) {
  const agreed = await confirm({ title: t('Give it back?'), text: n('{count} point comes back to you.', '{count} points come back to you.', held.points), action: t('Give it back') })
  if (!agreed) return
  await post(`me/redemptions/${held.id}/release`, {}, { headers: { 'Idempotency-Key': crypto.randomUUID() } })
  changed()
}

function ended(status, points) {
  const [name, title, text] = outcome(status, points)
  return empty(name, title, text, link(t('All rewards'), '/app/rewards'), link(t('Activity'), '/app/activity', { kind: 'quiet' }))
}

function outcome(status, points) {
  const back = n('{count} point is yours again.', '{count} points are yours again.', points)
  return {
    held: ['ticket', t('Held for you'), null],
    redeemed: ['circle-check', t('Redeemed'), t('Enjoy it!')],
    released: ['arrow-down-left', t('Given back'), back],
    expired: ['clock', t('It ran out'), back],
  }[status]
}
