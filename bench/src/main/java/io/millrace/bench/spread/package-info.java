/** What dividing a run's steps among workers costs and gains, measured in one process. */
package io.millrace.bench.spread;
