// Routing. Each screen has its own address, so that it can be reloaded, linked to, and returned to from Stripe.

import { useEffect, useState } from 'preact/hooks';

const MOVED = 'sparks:moved';

/** Returns the current address, which after a payment carries Stripe's session id. */
export function useAddress(): URL {
  const [address, setAddress] = useState(() => new URL(location.href));
  useEffect(() => {
    const moved = () => setAddress(new URL(location.href));
    addEventListener('popstate', moved);
    addEventListener(MOVED, moved);
    document.addEventListener('click', follow);
    return () => {
      removeEventListener('popstate', moved);
      removeEventListener(MOVED, moved);
      document.removeEventListener('click', follow);
    };
  }, []);
  return address;
}

/** Goes to another screen. */
export function go(path: string): void {
  history.pushState(null, '', path);
  scrollTo(0, 0);
  dispatchEvent(new Event(MOVED));
}

/** Handles a plain click on a link to a screen; the browser handles all others. */
function follow(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!link || !plain || event.defaultPrevented || link.target || link.origin !== location.origin) {
    return;
  }
  if (link.hash && link.pathname === location.pathname) {
    return;
  }
  event.preventDefault();
  go(link.pathname + link.search);
}
