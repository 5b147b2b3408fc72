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
                                            + " --block-weights; or in turns: hift (one part of the"
                                            + " model after another), badam (one layer for many"
                                            + " steps), lisa (a few for many steps) or owlore (the"
                                            + " same by --block-weights).")
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
                                    (values, _) -> weighted(values)),
                            Kind.of(
                                    HiftGroups.NAME,
                                    List.of(HiftGroups.GROUP, HiftGroups.ORDER),
                                    (values, runSeed) ->
                                            new HiftGroups(
                                                    values.get(HiftGroups.GROUP),
                                                    values.get(HiftGroups.ORDER),
                                                    runSeed)),
                            Kind.of(
                                    BadamLayers.NAME,
                                    List.of(BadamLayers.EVERY, BadamLayers.ORDER),
                                    (values, runSeed) ->
                                            new BadamLayers(
                                                    values.get(BadamLayers.EVERY),
                                                    values.get(BadamLayers.ORDER),
                                                    runSeed)),
                            Kind.of(
                                    LisaLayers.NAME,
                                    List.of(LisaLayers.LAYERS, LisaLayers.EVERY, LisaLayers.STATES),
                                    (values, runSeed) ->
                                            new LisaLayers(
                                                    values.get(LisaLayers.LAYERS),
                                                    values.get(LisaLayers.EVERY),
                                                    values.get(LisaLayers.STATES),
                                                    runSeed)),
                            Kind.of(
                                    OwloreLayers.NAME,
                                    List.of(
                                            OwloreLayers.LAYERS,
                                            OwloreLayers.EVERY,
                                            LisaLayers.STATES,
                                            WeightedLayers.WEIGHTS),
                                    (values, runSeed) ->
                                            new OwloreLayers(
                                                    values.get(OwloreLayers.LAYERS),
                                                    values.get(OwloreLayers.EVERY),
                                                    values.get(LisaLayers.STATES),
                                                    weights(values),
                                                    runSeed))),
                    ParticipationKind.class);

    private Participations() {}

    private static Participation weighted(Settings values) {
        return new WeightedLayers(
                values.get(RandomLayers.FROZEN),
                values.get(RandomLayers.FROZEN_ENDS),
                weights(values));
    }

    private static List<Double> weights(Settings values) {
        return values.find(WeightedLayers.WEIGHTS)
                .orElseThrow(() ->
                        new BadInputException(
                                WeightedLayers.WEIGHTS.spelled(),
                                "nothing says how likely each layer is",
                                "give a weight for each, or the file that 'millrace outliers"
                                        + " --model=DIR --out=FILE.json' writes, or --blocks"
                                        + " random or lisa"));
    }
}
