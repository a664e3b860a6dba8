/* What is fetched again by itself is morphed into what stands there (hx-swap="morph"): the button being pressed, the
   focus, an opened list and words typed so far stay. */
'use strict'

const FIELDS = 'input, textarea, select'

const wasChanged = (field) =>
  field.matches('[type=checkbox], [type=radio]')
    ? field.checked !== field.defaultChecked
    : field.matches('select')
      ? [...field.options].some((option) => option.selected !== option.defaultSelected)
      : field.value !== field.defaultValue

const isBegun = (form) => [...(form?.elements ?? [])].some((field) => field.matches(FIELDS) && wasChanged(field))

/** Words that were refused stand in a form that says `data-keep`: they are nobody's but the writer's. */
const KEPT = 'form[data-keep]'

/** Whether an element is to become its new version. */
function mayMorph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) return true
  if (old.matches(KEPT)) return false
  if (old.dataset.chart) return old.dataset.chart !== fresh.dataset.chart
  if (old.type === 'hidden' && isBegun(old.form)) return false // such as the revision that was looked at
  return !(old.matches(FIELDS) && (old === document.activeElement || wasChanged(old)))
}

/** Whether an element that is not there any more may go: not with words in it. */
function mayGo(old) {
  if (old.nodeType !== Node.ELEMENT_NODE) return true
  const forms = [...old.querySelectorAll('form')]
  return !(old.matches(KEPT) || old.querySelector(KEPT) || isBegun(old) || forms.some(isBegun))
}

/** Whoever opened or closed a list decides whether it is open. */
const mayChange = (name, element) => !(name === 'open' && element.matches('details, dialog'))

/** What an element asks for by htmx. */
const asks = ({ attributes }) => [...attributes].filter(({ name }) => name.startsWith('hx-')).map(({ value }) => value).join()

htmx.defineExtension('morph', {
  isInlineSwap: (style) => style === 'morph',
  handleSwap(style, target, fragment) {
    if (style !== 'morph') return false
    const asked = asks(target)
    const morphed = Idiomorph.morph(target, fragment.firstElementChild, {
      morphStyle: 'outerHTML',
      callbacks: { beforeNodeMorphed: mayMorph, beforeNodeRemoved: mayGo, beforeAttributeUpdated: mayChange },
    })
    // Made known to htmx once more, an element that listens would listen twice.
    return asks(target) === asked ? [...target.children] : morphed
  },
})
