package io.millrace.optim.objective;

import io.millrace.optim.option.Kind;
import io.millrace.optim.option.Kinds;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import java.util.List;

/** The objectives by name. A new one is a line here. */
public final class Objectives {
    /** The most tokens of a generated answer. */
    public static final Option<Integer> MAX_NEW_TOKENS =
            Option.named("max-new-tokens", OptionTypes.INTEGER)
                    .label("N")
                    .help("Most tokens of an answer, with --objective f1 or exact-match.")
                    .usual(50)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** All of them, and the option that names one. */
    public static final Kinds<Objective> KINDS =
            Kinds.of(
                    Option.named("objective", OptionTypes.TEXT)
                            .label("NAME")
                            .help(
                                    "What is climbed down: loss; the loss of the right candidate"
                                            + " among all (choice); 1 - accuracy of labelled examples"
                                            + " (accuracy); 1 - f1 or 1 - exact-match of greedy"
                                            + " answers to prompts.")
                            .usual(MeanLoss.NAME)
                            .decidesBytes()
                            .saidUnlessUsual(),
                    List.of(
                            Kind.of(MeanLoss.NAME, List.of(), (_, _) -> new MeanLoss()),
                            Kind.of(ChoiceLoss.NAME, List.of(), (_, _) -> new ChoiceLoss()),
                            Kind.of(Accuracy.NAME, List.of(), (_, _) -> new Accuracy()),
                            Kind.of(
                                    AnswerF1.NAME,
                                    List.of(MAX_NEW_TOKENS),
                                    (values, _) -> new AnswerF1(values.get(MAX_NEW_TOKENS))),
                            Kind.of(
                                    ExactMatch.NAME,
                                    List.of(MAX_NEW_TOKENS),
                                    (values, _) -> new ExactMatch(values.get(MAX_NEW_TOKENS)))),
                    ObjectiveKind.class);

    private Objectives() {}
}
