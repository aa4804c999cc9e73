"""What a customer is told to change, where the planner's own words name keys of a site file: by case and language.

`planner check` and plan.json keep the keys for the one who writes the file; proposal and workbook take these.
"""

from __future__ import annotations

MENDS: dict[str, dict[str, str]] = {
    "en": {
        "reach/short": "Shorten the way with more cross trays or shorter rows, or order a longer cable of that kind.",
        "reach/far": "Shorten the way with more cross trays or shorter rows, or order modules of longer reach.",
        "single-points/alone": "Plan these networks with pairs of switches.",
        "rack-weight/over": "Take stronger cabinets, or plan for what these carry.",
        "floor-load/unstated": "Please state what the floor carries, in kg/m².",
        "floor-load/beyond": "Wider aisles, fewer devices per rack, or a stronger floor.",
        "feed-lost/all-needed": "Provide feeds with redundancy: 2N or N+1.",
        "feed-lost/throttles": "Three feeds with N+1 keep two thirds of the supplies; or plan nodes that ride through.",
        "feed-lost/stops": "Three feeds with N+1 keep two thirds of the supplies; or plan nodes that stay up.",
        "air-heat/dense": "Please state what the room cools per rack by air and by liquid, or plan rear doors.",
        "air-heat/over": "Plan again with what the room cools, or cool {most_kw} kW by air.",
        "liquid-loop/no-loop": "Provide a liquid loop, or choose air-cooled chassis.",
        "supply-temperature/unstated": "Please state the supply temperature.",
        "pue-policy/unstated": "Please state the PUE at peak and over the year.",
    },
    "zh": {
        "reach/short": "增加跨列桥架或缩短机柜列以缩短走线，或订更长的同类线缆。",
        "reach/far": "增加跨列桥架或缩短机柜列以缩短走线，或订传输距离更长的模块。",
        "single-points/alone": "上述网络改为成对交换机。",
        "rack-weight/over": "选用承重更高的机柜，或按其承重重新规划。",
        "floor-load/unstated": "请提供楼面承重（kg/m²）。",
        "floor-load/beyond": "加宽通道、减少单柜设备，或加固楼面。",
        "feed-lost/all-needed": "请提供 2N 或 N+1 冗余供电。",
        "feed-lost/throttles": "三路供电 N+1 可保留三分之二的电源模块；或只选用不受影响的节点。",
        "feed-lost/stops": "三路供电 N+1 可保留三分之二的电源模块；或只选用不停机的节点。",
        "air-heat/dense": "请提供单柜风冷、液冷散热能力，或采用背板换热器。",
        "air-heat/over": "按机房散热能力重新规划，或提供 {most_kw} kW 风冷。",
        "liquid-loop/no-loop": "提供液冷环路，或选用风冷机箱。",
        "supply-temperature/unstated": "请提供供冷温度。",
        "pue-policy/unstated": "请提供峰值 PUE 与年均 PUE。",
    },
}
