/* The live tail: new rows come in on top, old ones leave below, and a pause holds everything still. */
'use strict'

const tail = document.querySelector('[data-tail]')
if (tail) {
  const rows = tail.querySelector('[data-rows]')
  const button = tail.querySelector('[data-pause]')
  const isPaused = () => button.getAttribute('aria-pressed') === 'true'

  tail.addEventListener('htmx:beforeRequest', (event) => {
    if (isPaused()) event.preventDefault()
  })

  tail.addEventListener('htmx:afterSwap', () => {
    const shown = rows.querySelectorAll('tr:not([hidden])')
    for (const row of [...shown].slice(Number(rows.dataset.most))) row.remove()
  })

  button.addEventListener('click', () => {
    const paused = !isPaused()
    button.setAttribute('aria-pressed', String(paused))
    button.querySelector('[data-text]').textContent = paused ? 'Resume' : 'Pause'
    button.querySelector('.ti').className = `ti ti-player-${paused ? 'play' : 'pause'}`
    if (!paused) htmx.trigger(rows, 'resume')
  })
}
