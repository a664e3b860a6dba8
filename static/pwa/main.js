/* Where the app starts. */

import { preferredLanguage, t, useLanguage } from './i18n.js'
import { watchInstall } from './install.js'
import { drawConnection, drawFrame, watchConnection } from './layout.js'
import { changed } from './live.js'
import { draw, go, startRouter } from './router.js'
import { onSent, sendWaiting } from './scans.js'
import { forget, isSignedIn, restore } from './session.js'
import { toast } from './ui.js'
import { startWorker } from './worker.js'

rememberInvite()
watchInstall()
await useLanguage(preferredLanguage())
await restore()
drawFrame()
watchConnection()
await startRouter()
startWorker()
sendScans()

addEventListener('online', sendScans)
onSent(changed)
document.addEventListener('signedout', async () => {
  await forget()
  drawFrame()
  await go('/app/sign-in', { replace: true })
  toast(t('You have been signed out. Sign in again to go on.'), { stays: true })
})
document.addEventListener('frame', async () => {
  drawFrame()
  await draw()
  drawConnection()
})

/** What was scanned without a connection is sent as soon as there is one. */
function sendScans() {
  if (isSignedIn()) sendWaiting()
}

/** An invitation's code waits on the phone until its friend has joined. */
function rememberInvite() {
  const invite = new URLSearchParams(location.search).get('invite')
  if (invite) localStorage.setItem('app-invite', invite)
}
