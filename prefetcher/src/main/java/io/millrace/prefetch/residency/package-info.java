/**
 * The rules of the pipeline without the pipeline: which block claims what, which slot is lent, what
 * goes back when. The pipeline drives them by lanes and its lock, its simulation by a clock.
 *
 * <pre>
 *   claimHost --&gt; claimDevice --&gt; computed --&gt; (downloaded) --&gt; (written)
 *       PASS, WAIT or MOVE           NOTHING, DOWNLOAD or WRITE
 * </pre>
 */
package io.millrace.prefetch.residency;
