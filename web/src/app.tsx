// The frame around every screen: the navigation and the balance.

import { type ComponentChildren, type ComponentType, createContext } from 'preact';
import { useContext, useEffect, useMemo, useRef } from 'preact/hooks';
import { type Api, ask, type Schemas } from './api';
import { type Reading, useReading } from './reading';
import { useAddress } from './route';
import { Balance } from './screens/balance';
import { Buy } from './screens/buy';
import { Ledger } from './screens/ledger';
import { Paid } from './screens/paid';
import { Plan } from './screens/plan';
import { Usage } from './screens/usage';
import { Use } from './screens/use';
import { spoken } from './sparks';

interface Screen {
  path: string;
  title: string;
  shows: ComponentType;
  /** Not in the menu: only Stripe leads here. */
  hidden?: boolean;
}

/** The local gateway serves the page at all these paths, and so must your host. */
const SCREENS: Screen[] = [
  { path: '/', title: 'Balance', shows: Balance },
  { path: '/use', title: 'Use Sparks', shows: Use },
  { path: '/usage', title: 'Usage', shows: Usage },
  { path: '/ledger', title: 'Ledger', shows: Ledger },
  { path: '/buy', title: 'Buy', shows: Buy },
  { path: '/account', title: 'Plan', shows: Plan },
  { path: '/paid', title: 'Payment', shows: Paid, hidden: true },
];

/** The context shared by all screens. */
interface Session {
  api: Api;
  account: string;
  balance: Reading<Schemas['Balance']>;
  address: URL;
}

const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) {
    throw new Error('useSession is called outside App');
  }
  return session;
}

interface AppProps {
  api: Api;
  account: string;
  footer?: ComponentChildren;
}

export function App({ api, account, footer }: AppProps) {
  const address = useAddress();
  const balance = useReading(() => ask(api.GET('/v1/balance')), [api]);
  const session = useMemo(() => ({ api, account, balance, address }), [api, account, balance, address]);
  const first = useRef(address);
  const screen = SCREENS.find((known) => known.path === address.pathname);
  useReturn(balance.again);
  return (
    <SessionContext.Provider value={session}>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <Header current={screen} available={balance.value?.available} />
      <main id="main" tabIndex={-1}>
        {/* A new instance for each address, so that no state is left over from another screen. */}
        {screen ? (
          <Shown key={address.pathname + address.search} screen={screen} moved={address !== first.current} />
        ) : (
          <Nowhere />
        )}
      </main>
      {footer && <footer>{footer}</footer>}
    </SessionContext.Provider>
  );
}

/** Reads again when the user returns from another tab, where they may have bought something. */
function useReturn(again: () => void): void {
  useEffect(() => {
    const back = () => document.visibilityState === 'visible' && again();
    document.addEventListener('visibilitychange', back);
    return () => document.removeEventListener('visibilitychange', back);
  }, [again]);
}

function Header({ current, available }: { current: Screen | undefined; available: string | undefined }) {
  return (
    <header>
      <a class="brand" href="/">
        Sparks
      </a>
      <nav aria-label="Main">
        <ul>
          {SCREENS.filter((screen) => !screen.hidden).map((screen) => (
            <li key={screen.path}>
              <a href={screen.path} aria-current={screen === current ? 'page' : undefined}>
                {screen.title}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <p class="available" aria-live="polite">
        {available === undefined ? '' : `${spoken(available)} Sparks`}
      </p>
    </header>
  );
}

/** Shows a screen, names it in the window's title, and announces a change of screen to screen readers. */
function Shown({ screen, moved }: { screen: Screen; moved: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const Content = screen.shows;
  useEffect(() => {
    document.title = `${screen.title} · Sparks`;
    // After a page load, a screen reader starts at the top by itself.
    if (moved) {
      heading.current?.focus({ preventScroll: true });
    }
  }, [screen.title]);
  return (
    <>
      <h1 ref={heading} tabIndex={-1}>
        {screen.title}
      </h1>
      <Content />
    </>
  );
}

function Nowhere() {
  return (
    <>
      <h1>Page not found</h1>
      <p>
        <a href="/">Go to your balance</a>
      </p>
    </>
  );
}
