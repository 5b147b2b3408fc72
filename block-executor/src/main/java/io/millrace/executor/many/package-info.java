/**
 * Several runs over one base that they only read: each is a run like any other, with a folder of
 * its own, and asks for passes that are taken together.
 */
package io.millrace.executor.many;
