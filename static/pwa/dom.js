/* Elements without a framework. Text is always text: nothing here ever reads markup. */

/**
 * h('p.note#id', { title: 'x', onclick: f }, 'words', node, [nodes], null)
 * Attributes that are false, null or undefined are left out; true stands alone; `on…` listens; `props` are set as properties.
 */
export function h(spec, ...rest) {
  const [name, ...marks] = spec.split(/(?=[.#])/)
  const element = document.createElement(name)
  for (const mark of marks) {
    if (mark[0] === '.') element.classList.add(mark.slice(1))
    else element.id = mark.slice(1)
  }
  if (isAttributes(rest[0])) assign(element, rest.shift())
  element.append(...nodes(rest))
  return element
}

/** Whatever may stand among children, as nodes. */
export function nodes(children) {
  return [children].flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false)
}

export function show(place, ...children) {
  place.replaceChildren(...nodes(children))
}

const isAttributes = (value) => Object.prototype.toString.call(value) === '[object Object]'

function assign(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (name === 'props') Object.assign(element, value)
    else element.setAttribute(name, value === true ? '' : value)
  }
}
