/* Light, dark or as the system is. Loaded before anything is painted, so that no page flashes. */
(() => {
  'use strict'

  const KEY = 'regulars-theme'
  const root = document.documentElement
  const systemIsDark = matchMedia('(prefers-color-scheme: dark)')

  const recall = () => {
    try {
      return localStorage.getItem(KEY) || 'auto'
    } catch {
      return 'auto' // storage can be switched off; the choice then holds for one page
    }
  }

  const remember = (choice) => {
    try {
      localStorage.setItem(KEY, choice)
    } catch {}
  }

  const apply = (choice) => {
    const dark = choice === 'dark' || (choice === 'auto' && systemIsDark.matches)
    root.dataset.bsTheme = dark ? 'dark' : 'light'
    for (const button of document.querySelectorAll('[data-theme-choice]')) {
      button.setAttribute('aria-pressed', String(button.dataset.themeChoice === choice))
    }
    document.dispatchEvent(new CustomEvent('themechange'))
  }

  apply(recall())
  document.addEventListener('DOMContentLoaded', () => apply(recall()))
  systemIsDark.addEventListener('change', () => apply(recall()))
  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-theme-choice]')
    if (!button) return
    remember(button.dataset.themeChoice)
    apply(button.dataset.themeChoice)
  })
})()
