// The frame around every screen: where one can go, and what one has.

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
  /** Only where Stripe leads back to; not in the menu. */
  hidden?: boolean;
}

/** The local gateway serves the page at these addresses, as any host of yours has to. */
const SCREENS: Screen[] = [
  { path: '/', title: 'Balance', shows: Balance },
  { path: '/use', title: 'Use Sparks', shows: Use },
  { path: '/usage', title: 'Usage', shows: Usage },
  { path: '/ledger', title: 'Ledger', shows: Ledger },
  { path: '/buy', title: 'Buy', shows: Buy },
  { path: '/account', title: 'Plan', shows: Plan },
  { path: '/paid', title: 'Payment', shows: Paid, hidden: true },
];

/** What every screen works with. */
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
    throw new Error('a screen is outside of the app');
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
        To the content
      </a>
      <Header current={screen} available={balance.value?.available} />
      <main id="main" tabIndex={-1}>
        {/* One of its own for each address: nothing of one screen is left over in the next. */}
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

/** Reads again when somebody is back from another tab, where something may have been bought. */
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
      <nav aria-label="Screens">
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

/** A screen, named in the window's title, and announced to whoever cannot see that another one has come. */
function Shown({ screen, moved }: { screen: Screen; moved: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const Content = screen.shows;
  useEffect(() => {
    document.title = `${screen.title} · Sparks`;
    // A page that was just loaded is read from its top.
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
      <h1>Nothing here</h1>
      <p>
        <a href="/">To your balance</a>
      </p>
    </>
  );
}
