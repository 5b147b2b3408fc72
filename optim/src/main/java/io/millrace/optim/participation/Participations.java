package io.millrace.optim.participation;

import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Kind;
import io.millrace.optim.option.Kinds;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;

/** Which layers have a part in a step, by name. A new way is a line here. */
public final class Participations {
    /** All of them, and the option that names one. */
    public static final Kinds<Participation> KINDS =
            Kinds.of(
                    Option.named("blocks", OptionTypes.TEXT)
                            .label("NAME")
                            .help(
                                    "Layers that a step perturbs and updates: all, or drawn anew for"
                                            + " each step: random (LeZO), or weighted by"
                                            + " --block-weights.")
                            .usual(AllLayers.NAME)
                            .decidesBytes()
                            .saidUnlessUsual(),
                    List.of(
                            Kind.of(AllLayers.NAME, List.of(), (_, _) -> new AllLayers()),
                            Kind.of(
                                    RandomLayers.NAME,
                                    List.of(RandomLayers.FROZEN, RandomLayers.FROZEN_ENDS),
                                    (values, _) ->
                                            new RandomLayers(
                                                    values.get(RandomLayers.FROZEN),
                                                    values.get(RandomLayers.FROZEN_ENDS))),
                            Kind.of(
                                    WeightedLayers.NAME,
                                    List.of(
                                            RandomLayers.FROZEN,
                                            RandomLayers.FROZEN_ENDS,
                                            WeightedLayers.WEIGHTS),
                                    (values, _) -> weighted(values))),
                    ParticipationKind.class);

    private Participations() {}

    private static Participation weighted(Settings values) {
        List<Double> weights =
                values.find(WeightedLayers.WEIGHTS)
                        .orElseThrow(() ->
                                new BadInputException(
                                        WeightedLayers.WEIGHTS.spelled(),
                                        "nothing says how likely each layer is",
                                        "give a weight for each, or --blocks random"));
        return new WeightedLayers(
                values.get(RandomLayers.FROZEN), values.get(RandomLayers.FROZEN_ENDS), weights);
    }
}
