/* Words, numbers, dates and money in the shopper's language. English is the key; other languages come as one file. */

const boot = JSON.parse(document.getElementById('boot').textContent)
export const shop = boot

let language = boot.language
let words = {}
let rules = new Intl.PluralRules(language)

export const currentLanguage = () => language

/** Fetch the words of a language and use them from now on. Nothing is fetched for English. */
export async function useLanguage(code) {
  const wanted = code in boot.languages ? code : 'en'
  words = wanted === 'en' ? {} : await fetchWords(wanted)
  language = wanted
  rules = new Intl.PluralRules(language)
  document.documentElement.lang = language
}

/** What the browser asked for, unless the shopper chose another one here. */
export function preferredLanguage() {
  return localStorage.getItem('app-language') || boot.language
}

export function rememberLanguage(code) {
  localStorage.setItem('app-language', code)
  document.cookie = `django_language=${code}; path=/; max-age=31536000; samesite=lax`
}

/** t('Hello {name}', { name: 'Ada' }) */
export function t(text, values = {}) {
  return fill(words[text] || text, values)
}

/** n('{count} point', '{count} points', 3): the form this language uses for the number, with the number written its way. */
export function n(one, many, count, values = {}) {
  const forms = words[one] || [one, many]
  return fill(forms[Math.min(formOf(count), forms.length - 1)] || many, { count: number(count), ...values })
}

/** As the server writes numbers: Spanish would leave 1250 without its point. */
const written = (value, options = {}) => new Intl.NumberFormat(language, { useGrouping: 'always', ...options }).format(value)

export const number = (value) => written(value)

export const signed = (value) => written(value, { signDisplay: 'exceptZero' })

export const money = (value) => written(Number(value), { style: 'currency', currency: boot.currency })

/** Of what ends at midnight: the day that ends then. */
export const lastDay = (end) => new Date(Date.parse(end) - 1)
export const day = (value) => format(value, { day: 'numeric', month: 'long', year: 'numeric' })

export const shortDay = (value) => format(value, { day: 'numeric', month: 'short', ...otherYear(value) })

export const moment = (value) => format(value, { day: 'numeric', month: 'short', ...otherYear(value), hour: 'numeric', minute: '2-digit' })

export const hour = (value) => format(value, { hour: 'numeric', minute: '2-digit' })

/** The year is said where it is not this one. */
const otherYear = (value) => (new Date(value).getFullYear() === new Date().getFullYear() ? {} : { year: 'numeric' })

/** A day without an hour ('1990-05-01') is that day wherever it is read. */
function format(value, options) {
  const isDay = typeof value === 'string' && value.length === 10
  return new Intl.DateTimeFormat(language, isDay ? { ...options, timeZone: 'UTC' } : options).format(new Date(value))
}

async function fetchWords(code) {
  try {
    return await (await fetch(boot.words.replace('LANGUAGE', code))).json()
  } catch {
    return {} // English is better than nothing.
  }
}

/** gettext numbers its forms in the order in which Unicode names them. */
function formOf(count) {
  const names = ['zero', 'one', 'two', 'few', 'many', 'other']
  const used = names.filter((name) => rules.resolvedOptions().pluralCategories.includes(name))
  return used.indexOf(rules.select(count))
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole))
}
