package io.millrace.model.program;

import io.millrace.model.spec.RelativeRows;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What scores get from how far tokens are apart, as disentangled attention has it (arXiv
 * 2006.03654): before it is scaled, a score has q · K and k · Q added, K and Q being the rows that
 * the distance of the two tokens has.
 *
 * @param rows which these are
 * @param keys a row K for each, heads one after another; empty for none
 * @param queries the same of Q
 */
public record Relative(RelativeRows rows, Optional<Value> keys, Optional<Value> queries) {
    /** Both that there are. */
    Stream<Value> values() {
        return Stream.concat(keys.stream(), queries.stream());
    }
}
