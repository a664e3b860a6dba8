/* Light, dark or as the system is. Loaded before anything is painted, so that nothing flashes. */
(() => {
  'use strict'
  try {
    const theme = localStorage.getItem('app-theme')
    if (theme) document.documentElement.dataset.theme = theme
  } catch {
    // Storage can be switched off: then it is as the system is.
  }
})()
