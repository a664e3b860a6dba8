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

/** Whether an element is to become its new version. */
function mayMorph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) return true
  if (old.dataset.chart) return old.dataset.chart !== fresh.dataset.chart
  return !(old.matches(FIELDS) && (old === document.activeElement || wasChanged(old)))
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
      callbacks: { beforeNodeMorphed: mayMorph, beforeAttributeUpdated: mayChange },
    })
    // Made known to htmx once more, an element that listens would listen twice.
    return asks(target) === asked ? [...target.children] : morphed
  },
})
