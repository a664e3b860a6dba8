/* Where the app starts. */

import { endSession } from './api.js'
import { show } from './dom.js'
import { preferredLanguage, t, useLanguage } from './i18n.js'
import { watchInstall } from './install.js'
import { drawConnection, drawFrame, watchConnection } from './layout.js'
import { changed } from './live.js'
import { draw, go, startRouter } from './router.js'
import { onSent, sendWaiting } from './scans.js'
import { forget, isSignedIn, restore } from './session.js'
import { failure, toast } from './ui.js'
import { startWorker } from './worker.js'

start().catch((error) => {
  show(document.getElementById('app'), failure(error, () => location.reload()))
  throw error
})

async function start() {
  rememberInvite()
  watchInstall()
  await useLanguage(preferredLanguage())
  await restore()
  drawFrame()
  watchConnection()
  addEventListener('online', catchUp)
  onSent(changed)
  document.addEventListener('frame', drawAnew)
  document.addEventListener('signedout', leave)
  await startRouter()
  startWorker()
  catchUp()
}

/** Another person or another language: everything is drawn anew. */
async function drawAnew() {
  drawFrame()
  await draw()
  drawConnection()
}

/** The server knows this phone no more. Several calls may find out at once. */
async function leave() {
  if (!isSignedIn()) return
  await forget()
  drawFrame()
  await go('/app/sign-in', { replace: true })
  toast(t('You have been signed out. Sign in again to go on.'), { stays: true })
}

/** What happened without a connection is told as soon as there is one: that the member has signed out, what they scanned. */
function catchUp() {
  if (isSignedIn()) sendWaiting()
  else endSession().catch(() => {})
}

/** An invitation's code waits on the phone until its friend has joined. */
function rememberInvite() {
  const invite = new URLSearchParams(location.search).get('invite')
  if (invite) localStorage.setItem('app-invite', invite)
}
