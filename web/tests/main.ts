// The stories of the page, run in a real browser against the whole local stack. Their names say what the page
// promises. They run one after another, because a fault in a fake affects all of them.

import './visitor';

import './sparks';
import './outage-begins';
import './usage';
import './payment';
import './subscription';
import './looking-back';
import './trouble';
import './looks';
import './outage-ends';
import './coverage';
