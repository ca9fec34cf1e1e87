# 页面显示的所有文字（简体中文）。en.ftl 中有同样的标识。

# 每个页面的框架
frame-description = 自托管的 LLM API 密钥池
frame-skip = 跳到正文
frame-offline = 服务器没有响应。重新提交前，先确认操作是否已生效。
frame-uptime = 已运行 { $span }
frame-unhealthy = 状态异常
frame-sign-in = 登录
frame-sign-out = 退出登录
frame-local-times = 时间为本地时间，悬停显示 UTC
frame-hidden = 只有你能看到此页面：它对访客已关闭。

# 导航
nav-label = 控制台
nav-site = 网站
nav-menu = 菜单
nav-console = 控制台
nav-overview = 概览
nav-upstream = 上游
nav-keys = API 密钥
nav-providers = 提供方
nav-clients = 客户端
nav-tokens = 客户端令牌
nav-system = 系统
nav-jobs = 任务
nav-cache = 缓存
nav-backup = 备份
nav-audit-log = 审计日志
nav-security = 安全
nav-settings = 设置
nav-stats = 统计
nav-api = API
nav-project = 项目

# 主题按钮
theme-device = 主题：跟随设备
theme-light = 主题：浅色
theme-dark = 主题：深色

# 密钥、令牌、提供方和任务的状态
state-usable = 可用
state-active = 有效
state-answering = 正常应答
state-cooling = 冷却中
state-resting = 暂停中
state-probing = 试探中
state-rejected = 被拒绝
state-disabled = 已停用
state-off = 已关闭
state-expired = 已过期
state-unchecked = 未检查
state-queued = 排队中
state-running = 进行中
state-done = 已完成
state-failed = 失败
state-canceled = 已取消

# 时间
time-over = 现在

# 各页面通用
common-range-day = 24 小时
common-range-week = 7 天
common-range-month = 30 天
common-cancel = 取消
common-close = 关闭
common-dismiss = 知道了
common-undo = 撤销
common-copy = 复制
common-copied = 已复制
common-show = 显示
common-loading = 正在载入
common-live = 实时
common-stale = 数据截至 { $at }，服务器没有响应
common-locked = 由环境变量 { $variable } 固定
common-file-too-large = 文件超过 { $limit }
common-sentence = { $text }。
common-spark = 24 小时内成功 { $ok } 次，失败 { $failed } 次
common-progress = { $done } / { $total }
common-clear-filter = 移除筛选条件 { $name }

# 列表：选择与翻页
common-selection = 选中的行
common-pick-page = 选中本页所有行
common-pick-none = 取消选择
common-picked = 已选 { $n } 个
common-page-picked = 已选中本页所有行。
common-pick-matching = 选中全部 { $n } 个符合条件的
pager-label = 翻页
pager-pages = 页码
pager-sizes = 每页行数
pager-range = 第 { $from }–{ $to } 个，共 { $total } 个
pager-previous = 上一页
pager-next = 下一页

# 图表
chart-as-table = 以表格显示
chart-from = 起始时间
