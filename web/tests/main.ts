// The stories of the page, in a real browser, against the whole stack on this machine. Their names are what
// the page promises. They run one after another: what a fake is made to do, it does to everybody.

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
