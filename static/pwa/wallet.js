/* The card in the wallet of this phone: it shows points and tier, and brings itself up to date. */

import { post } from './api.js'
import { busy, button } from './ui.js'

/** Other phones cannot open such a card. */
export const hasAppleWallet = () => /iPhone|iPad|iPod|Macintosh/.test(navigator.userAgent)

/** The phone takes over from the address: it shows the card and asks whether to keep it. */
export function walletButton(kind, label) {
  const add = async () => location.assign((await post(`me/wallet/${kind}`)).url)
  const made = button(label, () => busy(made, add), { name: 'wallet' })
  return made
}
