/* The member card. Drawn on the phone every half minute, so it works in a cellar without a connection. */

import { serverTime } from '../api.js'
import { cardText, untilNext } from '../card.js'
import { h, show } from '../dom.js'
import { t } from '../i18n.js'
import { icon } from '../icons.js'
import { live } from '../live.js'
import { qrPicture } from '../qr.js'
import { thisDevice } from '../session.js'
import { hasAppleWallet, walletButton } from '../wallet.js'

export default function card(params, signal) {
  const code = h('div.card-code', { 'aria-live': 'off' })
  const who = h('div.card-who')
  const wallet = h('div.row.is-centred')
  live('me', who, holder, { signal, quiet: true })
  if (hasAppleWallet()) live('programme', wallet, offered, { signal, quiet: true })
  drawAgain(code, signal)
  keepAwake(signal)
  const body = h('section.member-card', who, code, h('div.card-time', { 'aria-hidden': 'true' }, h('span')), h('p', t('Show this at the till to earn points.')))
  const hint = h('p.hint-line', icon('brightness-up'), t('Turn up your screen’s brightness if the till does not read it.'))
  return { title: t('My card'), body: [body, hint, wallet] }
}

const offered = ({ wallets = [] }) => wallets.includes('apple') && walletButton('apple', t('Add to Apple Wallet'))

function holder(me) {
  return [h('p.card-name', me.name || t('Member')), me.tier?.name && h('p.card-tier', icon('award'), me.tier.name)]
}

/** A new code at each half minute of the server's clock. */
async function drawAgain(place, signal) {
  const now = serverTime()
  const text = await cardText(thisDevice(), now)
  if (signal.aborted) return
  show(place, qrPicture(text, t('Your member card as a QR code')))
  place.dataset.text = text
  restartTimer(untilNext(now))
  const timer = setTimeout(() => drawAgain(place, signal), untilNext(now) + 50)
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
}

/** The line below the code runs out with it. */
function restartTimer(left) {
  const line = document.querySelector('.card-time span')
  line?.animate([{ transform: `scaleX(${left / 30_000})` }, { transform: 'scaleX(0)' }], { duration: left, fill: 'forwards' })
}

/** The screen stays on while the card is shown, where the browser allows it. */
async function keepAwake(signal) {
  const lock = await navigator.wakeLock?.request('screen').catch(() => null)
  if (!lock) return
  if (signal.aborted) lock.release()
  signal.addEventListener('abort', () => lock.release(), { once: true })
}
