/**
 * What a few steps of a run showed, for people: a self-contained page and the words that sum it up.
 *
 * <pre>
 *   run --StepObserver--> ProfileRecorder --> Profile --> Findings (words, figures)
 *                              |                 |
 *                          WaitMeter         ProfileData (JSON) --> HtmlReport (report.html)
 * </pre>
 */
package io.millrace.telemetry.report;
