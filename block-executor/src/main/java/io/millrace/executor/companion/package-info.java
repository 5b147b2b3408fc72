/**
 * What a run trains beside the blocks of a model that it only reads: for each block a companion,
 * which stays in the memory that is computed in while the block itself comes and goes.
 *
 * <pre>
 *   CompanionSource (AdapterStart, SavedCompanions, GivenAdapter) ──&gt; Companions ──&gt; Companion, beside a block's lease
 * </pre>
 */
package io.millrace.executor.companion;
