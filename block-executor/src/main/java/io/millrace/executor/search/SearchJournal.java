package io.millrace.executor.search;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.objective.Scoring;
import io.millrace.memory.DType;
import io.millrace.model.text.ExamplesFingerprint;
import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.JournalHeader;
import io.millrace.optim.option.Option;
import io.millrace.optim.random.SplitMix64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A search as a journal of one step. Each kept direction has the slope −1, and the step the
 * learning rate ε: the update moves by ε/K along each.
 */
final class SearchJournal {
    /** What a journal has in the place of an estimator's name. */
    static final String ESTIMATOR = "search";

    private final ArithmeticConfig arithmetic;
    private final JournalHeader header;

    /**
     * The journal of a search.
     *
     * @param config the search
     * @param base fingerprint of the base weights
     * @param scoring what directions were scored on
     */
    SearchJournal(SearchConfig config, String base, Scoring scoring) {
        arithmetic = config.arithmetic();
        ExamplesFingerprint examples = ExamplesFingerprint.of(scoring.sequences());
        Map<String, Object> extra = new LinkedHashMap<>();
        extra.put("data", examples.digest());
        extra.put("examples", scoring.examples());
        extra.put("tokens", examples.tokens());
        for (Option<?> option : ArithmeticConfig.OPTIONS) {
            if (option.decidesBytes() && !JournalHeader.isOwn(option.field())) {
                option.said(arithmetic.settings())
                        .ifPresent(said -> extra.put(option.field(), said));
            }
        }
        extra.put(Estimators.KINDS.naming().field(), ESTIMATOR);
        header =
                new JournalHeader(
                        arithmetic.seed(),
                        base,
                        arithmetic.optimizer(),
                        arithmetic.perturbation(),
                        config.choice().directions(),
                        arithmetic.foldEvery(),
                        arithmetic.rounding(),
                        arithmetic.dtype().map(DType::torchName).orElse(JournalHeader.AS_STORED),
                        0,
                        extra);
    }

    JournalHeader header() {
        return header;
    }

    /** The one step. */
    StepRecord record(double base, List<DirectionScore> kept) {
        return new StepRecord(
                1,
                SplitMix64.output(arithmetic.seed(), 1),
                arithmetic.eps(),
                arithmetic.eps(),
                0,
                base,
                kept.stream()
                        .map(one -> new QueryResult(one.seed(), List.of(one.value(), base), -1))
                        .toList());
    }
}
