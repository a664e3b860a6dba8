/* What the phone keeps: who is signed in, the last good answers, and scans that wait to be sent.
   Used by the app and by its service worker. */

const VERSION = 1
let opened

function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('regulars', VERSION)
    request.onupgradeneeded = () => {
      request.result.createObjectStore('session')
      request.result.createObjectStore('answers')
      request.result.createObjectStore('scans', { keyPath: 'client_id' })
    }
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
  return opened
}

async function within(store, mode, ask) {
  const transaction = (await database()).transaction(store, mode)
  const request = ask(transaction.objectStore(store))
  await finished(transaction)
  return request.result
}

const table = (store) => ({
  get: (key) => within(store, 'readonly', (rows) => rows.get(key)),
  all: () => within(store, 'readonly', (rows) => rows.getAll()),
  put: (value, key) => within(store, 'readwrite', (rows) => (key === undefined ? rows.put(value) : rows.put(value, key))),
  remove: (key) => within(store, 'readwrite', (rows) => rows.delete(key)),
  clear: () => within(store, 'readwrite', (rows) => rows.clear()),
})

export const session = table('session')
export const answers = table('answers')
export const scans = table('scans')

/** Keep an answer, but none that comes in after the member has signed out: both are asked in one transaction. */
export async function keepAnswer(path, answer) {
  const transaction = (await database()).transaction(['session', 'answers'], 'readwrite')
  const device = transaction.objectStore('session').get('device')
  device.onsuccess = () => device.result && transaction.objectStore('answers').put(answer, path)
  return finished(transaction)
}

/** Under this in `session` while the server has not been told yet that this phone is signed out. */
export const SIGNED_OUT = 'signed-out'

/** Nothing of a member stays on a phone that is signed out, but that this is still to be told to the server. */
export async function forgetEverything() {
  const stores = ['session', 'answers', 'scans']
  const transaction = (await database()).transaction(stores, 'readwrite')
  for (const store of stores) transaction.objectStore(store).clear()
  transaction.objectStore('session').put(true, SIGNED_OUT)
  return finished(transaction)
}

function finished(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onerror = transaction.onabort = () => reject(transaction.error)
  })
}
