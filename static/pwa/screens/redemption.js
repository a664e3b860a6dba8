/* A reward that is held: the code, PIN and QR for the counter, the time that is left, and giving it back. */

import { post } from '../api.js'
import { h, show } from '../dom.js'
import { moment, n, t } from '../i18n.js'
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
  let status = found.status
  const again = live('me/redemptions', place, (body) => {
    const now = find(body) || found
    if (now.status !== status) announce(outcome(now)[1])
    status = now.status
    return status === 'held' ? ticket(now, signal, again) : ended(now)
  }, { signal })
  const timer = setInterval(() => status === 'held' && document.visibilityState === 'visible' && again(), ASK_EVERY)
  signal.addEventListener('abort', () => clearInterval(timer))
  return { title: found.reward.name, back: '/app/rewards', body: place }
}

function ticket(held, signal, again) {
  const giveBack = button(t('Give it back'), () => busy(giveBack, () => release(held)), { kind: 'quiet', wide: true })
  return h(
    'section.ticket',
    h('p', t('Show this at the counter.')),
    qrPicture(held.qr, t('QR code of this reward')),
    h('dl.ticket-words', h('div', h('dt', t('Code')), h('dd', spaced(held.code))), held.pin && h('div', h('dt', t('PIN')), h('dd', spaced(held.pin)))),
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

function ended(now) {
  const [name, title, text] = outcome(now)
  return empty(name, title, text, link(t('All rewards'), '/app/rewards'), link(t('Activity'), '/app/activity', { kind: 'quiet' }))
}

function outcome({ status, points, ended_at: at }) {
  const when = at ? moment(at) : ''
  return {
    redeemed: ['circle-check', t('Redeemed'), t('Enjoy it!')],
    released: ['arrow-down-left', t('Given back'), n('{count} point is yours again.', '{count} points are yours again.', points)],
    expired: ['clock', t('It ran out'), n('{count} point is yours again.', '{count} points are yours again.', points)],
  }[status] || ['ticket', status, when]
}
